-- Changes have tags, and tables describe themselves.
CREATE TABLE author (id int PRIMARY KEY, name varchar(40) NOT NULL UNIQUE);
CREATE TABLE book (
    id int PRIMARY KEY,
    author int NOT NULL REFERENCES author (id) ON DELETE CASCADE,
    title text NOT NULL DEFAULT 'untitled',
    price numeric(8,2) CHECK (price > 0)
);
CREATE INDEX book_title ON book (title);
INSERT INTO author VALUES (1, 'Lem'), (2, '村上');
INSERT INTO book VALUES (10, 1, 'Solaris', 9.50), (11, 2, 'Kafka', 12) RETURNING id, title;
UPDATE book SET price = price + 1 WHERE id = 10;
DELETE FROM book WHERE id = 11 RETURNING title;
SELECT b.title, a.name, b.price FROM book b JOIN author a ON a.id = b.author ORDER BY 1;
\d author
\d book
CREATE VIEW cheap AS SELECT title FROM book WHERE price < 20;
\d cheap
COPY author TO STDOUT;
COPY author FROM STDIN;
3	Dick
4	Le Guin
\.
SELECT count(*) FROM author;
\copy author to /dev/null
BEGIN;
DROP TABLE book CASCADE;
ROLLBACK;
SELECT count(*) FROM book;
