"""random_queries.py SEED COUNT: a script of COUNT random queries, without answers.

Let PostgreSQL answer, and hold FlyDB against it:

    python3 tests/slt/random_queries.py 1 500 >r1.slt
    flyslt --driver postgres --conninfo ... --complete r1.slt
    flyslt r1.slt

Small tables with many NULLs and duplicates; joins of all kinds, subqueries of all kinds, grouping,
set operations, windows, WITH. One seed always gives one script. What an engine may answer in more
than one way is left out: evaluation that could fail in one order only (division, casts from text),
floating-point sums that round, LIMIT without a whole order.
"""

import random
import sys

TABLES = {"t0": 0, "t1": 1, "t2": 7, "t3": 25, "t4": 60}
COLUMNS = {"id": "int", "a": "int", "b": "int", "n": "num", "f": "num", "s": "text", "d": "date",
           "x": "bool"}
WORDS = ["'a'", "'b'", "'ab'", "'abc'", "'b c'", "''", "'zz'"]


class Maker:
    """Random SQL. `scope` is a list of (alias, {column: type}) that expressions may name."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.aliases = 0

    def chance(self, p):
        return self.r.random() < p

    def alias(self):
        self.aliases += 1
        return f"q{self.aliases}"

    # ---------------------------------------------------------------- values

    def literal(self, kind):
        r = self.r
        if self.chance(0.08):
            sql = {"int": "integer", "num": "numeric", "text": "text", "date": "date",
                   "bool": "boolean"}[kind]
            return f"NULL::{sql}"
        return {
            "int": lambda: str(r.randint(-3, 12)),
            "num": lambda: f"{r.randint(-20, 80) / 4}",
            "text": lambda: r.choice(WORDS),
            "date": lambda: f"date '2024-0{r.randint(1, 4)}-{r.randint(10, 28)}'",
            "bool": lambda: r.choice(["true", "false"]),
        }[kind]()

    def column(self, kind, scope):
        found = [f"{alias}.{name}" for alias, columns in scope for name, of in columns.items()
                 if of == kind]
        return self.r.choice(found) if found else None

    def value(self, kind, scope, depth):
        name = self.column(kind, scope) if self.chance(0.75) else None
        return name or self.literal(kind) if depth <= 0 or self.chance(0.5) else self.call(
            kind, scope, depth - 1)

    def call(self, kind, scope, depth):
        r = self.r

        def v(of):
            return self.value(of, scope, depth)

        forms = {
            "int": [lambda: f"({v('int')} {r.choice('+-*')} {self.literal('int')})",
                    lambda: f"({v('int')} + {v('int')})", lambda: f"abs({v('int')})",
                    lambda: f"length({v('text')})",
                    lambda: f"extract(day FROM {v('date')})::integer",
                    lambda: f"({v('int')} % 5)", lambda: f"({v('int')} / 3)",
                    lambda: f"({v('date')} - date '2024-01-01')"],
            "num": [lambda: f"({v('num')} {r.choice('+-')} {v('num')})",
                    lambda: f"round({v('num')}::numeric, 1)", lambda: f"({v('num')} * 2)",
                    lambda: f"({v('int')} + {v('num')})", lambda: f"floor({v('num')})"],
            "text": [lambda: f"({v('text')} || {v('text')})", lambda: f"upper({v('text')})",
                     lambda: f"substr({v('text')}, 1, 2)", lambda: f"({v('text')} || {v('int')})",
                     lambda: f"replace({v('text')}, 'a', 'xy')"],
            "date": [lambda: f"({v('date')} + {v('int')}::integer)"],
            "bool": [lambda: self.condition(scope, depth)],
        }[kind]
        forms += [lambda: f"coalesce({v(kind)}, {v(kind)})",
                  lambda: f"CASE WHEN {self.condition(scope, depth)} THEN {v(kind)} "
                          f"ELSE {v(kind)} END",
                  lambda: f"nullif({v(kind)}, {v(kind)})"]
        if kind in ("int", "num", "date"):
            forms.append(lambda: f"greatest({v(kind)}, {v(kind)})")
        return r.choice(forms)()

    # ------------------------------------------------------------ conditions

    def condition(self, scope, depth):
        r = self.r
        if depth > 0 and self.chance(0.4):
            left = self.condition(scope, depth - 1)
            right = self.condition(scope, depth - 1)
            return r.choice([f"({left} AND {right})", f"({left} OR {right})", f"(NOT {left})",
                             f"({left}) IS NOT TRUE"])
        kind = r.choice(["int", "int", "num", "text", "date"])

        def v():
            return self.value(kind, scope, depth - 1)

        forms = [lambda: f"{v()} {r.choice(['=', '<>', '<', '<=', '>', '>='])} {v()}"] * 4 + [
            lambda: f"{v()} IS {r.choice(['', 'NOT '])}NULL",
            lambda: f"{v()} IS {r.choice(['', 'NOT '])}DISTINCT FROM {v()}",
            lambda: f"{v()} {r.choice(['', 'NOT '])}BETWEEN {v()} AND {v()}",
            lambda: f"{v()} {r.choice(['', 'NOT '])}IN ({v()}, {v()}, {v()})",
            lambda: self.column("bool", scope) or "true"]
        if kind == "text":
            forms.append(lambda: f"{v()} {r.choice(['', 'NOT '])}LIKE "
                                 f"{r.choice(['%a%', 'a%', '%b', '_', '_b%']).join([chr(39)] * 2)}")
        return r.choice(forms)()

    def subquery_condition(self, scope):
        r = self.r
        kind = r.choice(["int", "int", "text", "date"])
        inner = self.table()
        both = scope + [inner[1]] if self.chance(0.6) else [inner[1]]
        where = self.condition(both, 1)
        column = self.column(kind, [inner[1]])
        outer = self.value(kind, scope, 1)
        form = r.choice(["exists", "exists", "in", "any", "scalar"])
        if form == "exists":
            return f"{r.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {inner[0]} WHERE {where})"
        if form == "in":
            return f"{outer} {r.choice(['', 'NOT '])}IN (SELECT {column} FROM {inner[0]} " \
                   f"WHERE {where})"
        operator = r.choice(["=", "<>", "<", ">="])
        if form == "any":
            return f"{outer} {operator} {r.choice(['ANY', 'ALL'])} (SELECT {column} " \
                   f"FROM {inner[0]} WHERE {where})"
        return f"{outer} {operator} (SELECT {r.choice(['min', 'max'])}({column}) " \
               f"FROM {inner[0]} WHERE {where})"

    def where(self, scope):
        parts = [self.condition(scope, 1) for _ in range(self.r.randint(0, 2))]
        if self.chance(0.4):
            parts.append(self.subquery_condition(scope))
        return " WHERE " + " AND ".join(f"({part})" for part in parts) if parts else ""

    # ---------------------------------------------------------------- tables

    def table(self):
        name = self.r.choice(list(TABLES))
        alias = self.alias()
        return f"{name} AS {alias}", (alias, COLUMNS)

    def source(self, depth):
        if depth > 0 and self.chance(0.2):
            alias = self.alias()
            query, kinds = self.select(depth - 1)
            names = {f"c{i}": kind for i, kind in enumerate(kinds)}
            return f"({query}) AS {alias}({', '.join(names)})", (alias, names)
        return self.table()

    def joined(self, depth):
        text, first = self.source(depth)
        scope = [first]
        for _ in range(self.r.choice([0, 0, 1, 1, 2])):
            other, named = self.source(depth)
            kind = self.r.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"])
            if kind == "CROSS JOIN":
                text = f"{text} CROSS JOIN {other}"
            else:
                text = f"{text} {kind} {other} ON {self.on(scope, named, kind)}"
            scope.append(named)
        return text, scope

    def on(self, scope, named, kind):
        of = self.r.choice(["int", "int", "text", "date"])
        left, right = self.column(of, scope), self.column(of, [named])
        if left is None or right is None:
            return "true" if kind == "FULL JOIN" else self.condition(scope + [named], 0)
        equal = f"{left} = {right}"
        if kind != "FULL JOIN" and self.chance(0.4):  # a FULL JOIN does not take every condition
            equal += f" AND {self.condition(scope + [named], 1)}"
        return equal

    # --------------------------------------------------------------- queries

    def aggregate(self, scope):
        kind = self.r.choice(["int", "num", "text", "date"])
        value = self.value(kind, scope, 1)
        names = {"int": ["sum", "min", "max", "count", "avg"], "num": ["sum", "min", "max"],
                 "text": ["min", "max", "count"], "date": ["min", "max", "count"]}[kind]
        name = self.r.choice(names)
        distinct = "DISTINCT " if self.chance(0.2) else ""
        where = f" FILTER (WHERE {self.condition(scope, 0)})" if self.chance(0.15) else ""
        result = "int" if name == "count" else "num" if name in ("sum", "avg") else kind
        if self.chance(0.2):
            return "count(*)", "int"
        return f"{name}({distinct}{value}){where}", result

    def window(self, scope):
        ids = ", ".join(f"{alias}.id" for alias, columns in scope if columns is COLUMNS)
        name = self.r.choice(["row_number()", "rank()", "count(*)", "sum({})", "max({})",
                              "lag({})"])
        by = f"PARTITION BY {self.value('int', scope, 0)} " if self.chance(0.5) else ""
        return f"{name.format(self.value('int', scope, 0))} OVER ({by}ORDER BY {ids})"

    def select(self, depth):
        """A query, and the kinds of its columns."""
        source, scope = self.joined(depth)
        if self.chance(0.35):
            return self.grouped(source, scope)
        kinds = [self.r.choice(["int", "num", "text", "date", "bool"])
                 for _ in range(self.r.randint(1, 4))]
        items = [self.value(kind, scope, 2) for kind in kinds]
        plain = all(columns is COLUMNS for _, columns in scope)
        where = self.where(scope)
        if plain and self.chance(0.15) and " JOIN " not in source:
            items.append(self.window(scope))
            kinds.append("int")
        distinct = "DISTINCT " if self.chance(0.15) else ""
        return f"SELECT {distinct}{', '.join(items)} FROM {source}{where}", kinds

    def grouped(self, source, scope):
        keys = [self.r.choice(["int", "text", "date", "bool"])
                for _ in range(self.r.randint(0, 2))]
        values = [self.value(kind, scope, 1) for kind in keys]
        sums = [self.aggregate(scope) for _ in range(self.r.randint(1, 3))]
        query = f"SELECT {', '.join(values + [text for text, _ in sums])} FROM {source}"
        query += self.where(scope)
        if keys:
            query += " GROUP BY " + ", ".join(str(i + 1) for i in range(len(keys)))
        if self.chance(0.2):
            query += " HAVING count(*) > 1"
        return query, keys + [kind for _, kind in sums]

    def query(self):
        self.aliases = 0
        query, kinds = self.select(2)
        if self.chance(0.15):
            for _ in range(50):
                other, others = self.select(1)
                if others == kinds:
                    word = self.r.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
                    return f"{query} {word} {other}"
        if self.chance(0.1):
            names = ", ".join(f"w{i}" for i in range(len(kinds)))
            return f"WITH w({names}) AS ({query}) SELECT * FROM w UNION ALL SELECT * FROM w"
        if self.chance(0.15):
            order = ", ".join(str(i + 1) for i in range(len(kinds)))
            return f"{query} ORDER BY {order} LIMIT {self.r.randint(0, 5)}"
        return query

    def rows(self, count):
        for key in range(1, count + 1):
            row = [str(key)] + [
                "NULL" if self.chance(0.2) else self.literal(kind)
                for name, kind in COLUMNS.items() if name != "id"]
            yield f"({', '.join(row)})"


def main(seed, count):
    maker = Maker(seed)
    for name, size in TABLES.items():
        print(f"CREATE TABLE {name}(id integer PRIMARY KEY, a integer, b bigint, n numeric(6,2), "
              f"f double precision, s text, d date, x boolean)\n")
        if size:
            rows = ",\n".join(maker.rows(size))
            print(f"INSERT INTO {name} VALUES\n{rows}\n")
    print("hash-threshold 200\n")
    print("CREATE INDEX ON t4(a)\n\nCREATE INDEX ON t3(s, d)\n")
    for _ in range(count):
        print(maker.query() + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
