\pset pager off
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, price numeric(8,2) CHECK (price > 0));
INSERT INTO things VALUES (1, 'ü', 1.5), (2, 'b', 2), (3, 'c', NULL);
SELECT * FROM things ORDER BY id;
SELECT 'größer' AS g, nope FROM things;
SELECT 1; SELECT 2 AS two; SELEC 3;
INSERT INTO things VALUES (1, 'again', 1);
INSERT INTO things VALUES (9, 'x', -1);
INSERT INTO things VALUES (10, NULL, 1);
\echo :SQLSTATE :ERROR :LAST_ERROR_MESSAGE
DO $$ BEGIN RAISE NOTICE 'hello %', 1; RAISE WARNING 'careful'; END $$;
DROP TABLE IF EXISTS nothing;
BEGIN;
SELECT 1/0;
SELECT 1;
ROLLBACK;
SELECT count(*) AS n, max(name) AS name FROM things \gset
\echo :n :name
SELECT :n + 1 AS more;
\copy things (id, name) from stdin
20	copied
21	too
\.
SELECT id, name FROM things WHERE id >= 20 ORDER BY id;
\copy things from stdin
30	bad	not a number
\.
COPY things (id, name) TO STDOUT;
COPY things TO STDOUT (FORMAT csv, HEADER);
SHOW server_version_num;
SET application_name = 'psql test';
SHOW application_name;
PREPARE p (int) AS SELECT name FROM things WHERE id = $1;
EXECUTE p (2);
DEALLOCATE p;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM things ORDER BY id;
FETCH 2 FROM c;
COMMIT;
SELECT;
SELECT id, name FROM things ORDER BY id \gdesc
\x
SELECT * FROM things WHERE id = 2;
