-- Errors say where they are.
CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL);
SELECT foo FROM t;
SELECT *
  FROM t
 WHERE bar = 1;
SELEC 1;
SELECT 1/0;
SELECT 'x'::int;
SELECT * FROM nosuch;
INSERT INTO t VALUES (1, 'one');
INSERT INTO t VALUES (1, 'again');
INSERT INTO t VALUES (2, NULL);
\echo :ERROR :SQLSTATE
\set VERBOSITY terse
SELECT foo FROM t;
\set VERBOSITY sqlstate
SELECT foo FROM t;
\set VERBOSITY verbose
SELECT 1/0;
\set VERBOSITY default
BEGIN;
SELECT nothing;
SELECT 1;
ROLLBACK;
SELECT a, b FROM t;
SELECT 'a long line that has to be cut because it does not fit into sixty columns' AS a, foo, 'and it goes on' AS b FROM t;
DROP TABLE IF EXISTS nosuch;
