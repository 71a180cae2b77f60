\pset pager off
CREATE SCHEMA s;
CREATE TYPE mood AS ENUM ('sad','ok');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE SEQUENCE sq;
CREATE TABLE p (id int PRIMARY KEY, v text DEFAULT 'x', u int UNIQUE, CHECK (u > 0));
CREATE TABLE c (id serial PRIMARY KEY, pid int NOT NULL REFERENCES p ON DELETE CASCADE, m mood, g int GENERATED ALWAYS AS (pid*2) STORED);
CREATE INDEX c_i ON c (pid DESC) WHERE pid > 3;
CREATE VIEW vw AS SELECT * FROM p;
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a+1';
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER tr BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION tf();
COMMENT ON TABLE p IS 'the p';
\echo === d
\d
\echo === d p
\d p
\echo === d c
\d c
\echo === d+ p
\d+ p
\echo === d+ c
\d+ c
\echo === d vw
\d vw
\echo === d+ vw
\d+ vw
\echo === d sq
\d sq
\echo === d c_i
\d c_i
\echo === d+ c_i
\d+ c_i
\echo === da
\da
\echo === dA
\dA
\echo === dA+
\dA+
\echo === dAc
\dAc
\echo === dAf
\dAf
\echo === dAo
\dAo
\echo === dAp
\dAp
\echo === db
\db
\echo === db+
\db+
\echo === dc
\dc
\echo === dconfig
\dconfig
\echo === dconfig+ work*
\dconfig+ work*
\echo === dC
\dC
\echo === dd
\dd
\echo === dD
\dD
\echo === dD+
\dD+
\echo === ddp
\ddp
\echo === dE
\dE
\echo === des
\des
\echo === det
\det
\echo === deu
\deu
\echo === dew
\dew
\echo === df
\df
\echo === df+ f
\df+ f
\echo === dF
\dF
\echo === dFd
\dFd
\echo === dFp
\dFp
\echo === dFt
\dFt
\echo === dg
\dg
\echo === dg+
\dg+
\echo === di
\di
\echo === di+
\di+
\echo === dl
\dl
\echo === dL
\dL
\echo === dL+
\dL+
\echo === dm
\dm
\echo === dn
\dn
\echo === dn+
\dn+
\echo === do
\do
\echo === dO
\dO
\echo === dp
\dp
\echo === dP
\dP
\echo === dP+
\dP+
\echo === drds
\drds
\echo === dRp
\dRp
\echo === dRs
\dRs
\echo === ds
\ds
\echo === ds+
\ds+
\echo === dS
\dS
\echo === dt
\dt
\echo === dt+
\dt+
\echo === dT
\dT
\echo === dT+
\dT+
\echo === dT+ mood
\dT+ mood
\echo === du
\du
\echo === du+
\du+
\echo === dv
\dv
\echo === dv+
\dv+
\echo === dx
\dx
\echo === dx+
\dx+
\echo === dX
\dX
\echo === dy
\dy
\echo === l
\l
\echo === l+
\l+
\echo === z
\z
\echo === sf f
\sf f
\echo === sv vw
\sv vw
\echo === encoding
\encoding
\echo === dS+ pg_class
\dS+ pg_class
\echo === d information_schema.tables
\d information_schema.tables
