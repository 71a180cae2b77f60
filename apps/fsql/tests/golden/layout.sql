-- Results in every layout.
SELECT 1 AS a, 'x' AS b;
SELECT 1 AS one, 'two
lines' AS two, NULL AS three, 3.50 AS four;
\x
SELECT 1 AS one, 'two
lines' AS two, NULL AS three, 3.50 AS four;
\x
SELECT n, n * n AS square, 'Müller' AS name, true AS yes FROM (VALUES (1), (20), (300)) AS v (n) ORDER BY n;
SELECT 1 AS n WHERE false;
\pset border 2
SELECT 1 AS n, '漢字' AS wide;
\pset linestyle unicode
SELECT 1 AS n, '漢字' AS wide;
\pset border 0
SELECT 1 AS n, '漢字' AS wide;
\pset border 1
\pset linestyle ascii
\pset null '(null)'
\a
SELECT 1 AS n, NULL AS nothing, 'a|b' AS bar;
\f ,
SELECT 1 AS n, NULL AS nothing, 'a|b' AS bar;
\t
SELECT 1 AS n, NULL AS nothing;
\t
\pset format csv
SELECT 'a,b' AS x, 'say "hi"' AS y, '' AS z;
\pset format json
SELECT 1 AS n, 1.5::float8 AS f, 1.50 AS d, 'x"y' AS t, true AS b, NULL::int AS z;
\pset format markdown
SELECT 1 AS n, 'a|b' AS bar;
\pset format html
SELECT 1 AS n, '<&>' AS t;
\pset format aligned
SELECT 1 AS a \g
SELECT 2 AS a \gx
SELECT 3 AS x, 'y' AS y \gset p_
\echo :p_x :p_y
SELECT :p_x + 1 AS four, :'p_y' AS quoted;
SELECT;
SELECT FROM (VALUES (1), (2)) AS v;
