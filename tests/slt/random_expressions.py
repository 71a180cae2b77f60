"""random_expressions.py SEED COUNT: a script of COUNT expressions over constants, without answers.

Each is an operator or a function over values that are likely to show a difference: limits, zeros,
NULL, long fractions, ends of months. Errors are welcome: an expression has one call in it that can
fail, so that there is one error it can be. To be used as random_queries.py is.
"""

import random
import sys

VALUES = {
    "smallint": ["0", "1", "-1", "7", "32767", "(-32768)", "NULL"],
    "integer": ["0", "1", "-1", "2", "3", "7", "-7", "10", "100", "2147483647", "(-2147483648)",
                "NULL"],
    "bigint": ["0", "1", "-3", "1000000007", "9223372036854775807", "(-9223372036854775808)",
               "NULL"],
    "numeric": ["0", "1", "-1", "0.5", "1.50", "-2.5", "3.14159", "100", "0.001", "123456.789",
                "99999999999999999999.99", "1e-15", "-0.00007", "2.675", "NULL", "'NaN'",
                "'Infinity'"],
    "double precision": ["0", "1", "-1.5", "0.1", "1e10", "1e-10", "123456.789", "1e300", "'NaN'",
                         "'-Infinity'", "NULL", "2.5", "3.5"],
    "real": ["0", "1", "0.1", "-2.5", "16777216", "1e30", "NULL"],
    "text": ["''", "'a'", "'abc'", "'Hello World'", "'  pad '", "'äöü'", "'a,b,,c'", "'x%y_z'",
             "'123'", "'aaa'", "NULL"],
    "date": ["'2024-02-29'", "'2023-12-31'", "'2000-01-01'", "'1999-03-31'", "'0001-01-01'",
             "'2024-01-31'", "NULL"],
    "timestamp": ["'2024-02-29 12:34:56.789'", "'2023-12-31 23:59:59.999999'", "'2000-01-01'",
                  "'1969-12-31 23:00'", "'2024-01-31 06:00'", "NULL"],
    "timestamptz": ["'2024-02-29 12:34:56.789+00'", "'2023-07-01 00:00+02'", "NULL"],
    "time": ["'00:00'", "'12:34:56.789'", "'23:59:59'", "NULL"],
    "interval": ["'1 day'", "'1 month'", "'-1 year 2 mons'", "'25:30:15.5'", "'1 day -3 hours'",
                 "'0'", "'1.5 months'", "NULL"],
    "boolean": ["true", "false", "NULL"],
}
NUMBERS = ["smallint", "integer", "bigint", "numeric", "double precision", "real"]
TIMES = ["date", "timestamp", "timestamptz", "time", "interval"]
FIELDS = ["year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "week",
          "quarter", "epoch", "decade", "century", "milliseconds", "isoyear"]
FORMATS = ["YYYY-MM-DD", "DD Mon YYYY", "HH24:MI:SS.US", "HH12:MI AM", "FMDay, FMMonth", "IYYY-IW",
           "Q DDD J", "Dy dd YY", "SSSS MS"]
NUMBER_FORMATS = ["999.99", "FM999990.00", "9,999,999", "S0000", "999PR", "0.0EEEE", "MI99.9"]
DECIMALS = ["abs({n})", "ceil({n})", "floor({n})", "round({n})", "trunc({n})", "sign({n})",
            "-{n}", "round({d}, {k})", "trunc({d}, {k})", "sqrt({n})", "power({d}, {k})",
            "exp({d})", "ln({d})", "log({d})", "{d}::numeric(8,2)", "{d}::numeric(20,5)",
            "scale({d})", "trim_scale({d})", "div({d}, {d})", "mod({d}, {d})", "{d}::text",
            "to_char({d}, '{nf}')", "width_bucket({d}, 0, 10, 5)", "{i} & {i}", "{i} | {i}",
            "{i} # {i}", "~{i}", "gcd({i}, {i})", "lcm({i}, {i})", "to_hex({i})", "cbrt({f})",
            "degrees({f})", "{f}::integer", "{d}::bigint", "{f}::numeric", "{f}::text",
            "{f}::real::text", "greatest({n}, {n})", "least({d}, {i})", "nullif({n}, {n})"]
TEXTS = ["{t} || {t}", "length({t})", "upper({t})", "lower({t})", "initcap({t})", "reverse({t})",
         "substr({t}, {k}, {k})", "left({t}, {k})", "right({t}, {k})", "lpad({t}, {k}, {t})",
         "rpad({t}, {k}, {t})", "trim({t})", "ltrim({t}, {t})", "replace({t}, {t}, {t})",
         "translate({t}, {t}, {t})", "split_part({t}, ',', {k})", "strpos({t}, {t})",
         "repeat({t}, {k})", "ascii({t})", "md5({t})", "{t} LIKE {t}", "{t} ILIKE {t}", "{t} ~ {t}",
         "{t} < {t}", "{t} = {t}", "concat({t}, {n}, {t})", "concat_ws({t}, {t}, {t})",
         "string_to_array({t}, ',')", "quote_literal({t})", "quote_ident({t})", "{t}::integer",
         "{t}::numeric", "{t}::varchar(2)", "{t}::char(4) || '|'", "{t}::boolean", "{t}::date",
         "overlay({t} PLACING {t} FROM 2)", "starts_with({t}, {t})", "encode({t}::bytea, 'hex')",
         "regexp_replace({t}, '[a-c]+', 'X', 'g')", "format('%s-%L-%I', {n}, {t}, 'x')",
         "to_json({t})", "octet_length({t})", "position({t} IN {t})", "coalesce({t}, {t})"]
CLOCKS = ["extract({fd} FROM {tm})", "date_trunc('{fd}', {ts})", "age({ts}, {ts})",
          "to_char({ts}, '{tf}')", "{dt} + {k}", "{dt} - {dt}", "{ts} - {ts}", "{iv} + {iv}",
          "{iv} * {k}", "{iv} / 3", "{iv} * 1.7", "{iv} = {iv}", "{iv} < {iv}",
          "justify_days({iv})",
          "justify_hours({iv})", "justify_interval({iv})", "{dt} + {iv}", "{ts} + {iv}",
          "{ts} - {iv}", "{tz} + {iv}", "{tz} AT TIME ZONE 'America/New_York'",
          "{ts} AT TIME ZONE 'Europe/Berlin'", "{dt}::timestamp", "{ts}::date", "{ts}::time",
          "{tz}::date", "{tm} - {iv}", "{tm} + {iv}", "{dt} < {ts}", "{ts} = {tz}",
          "make_date({k}, {k}, {k})", "to_char({iv}, 'HH24:MI:SS')", "{iv}::text",
          "extract({fd} FROM {iv})", "date_part('{fd}', {tz})", "{tm}::text", "isfinite({dt})",
          "date_bin('90 minutes', {ts}, timestamp '2000-01-01')"]


def main(seed, count):
    r = random.Random(seed)

    def value(kind):
        return f"{r.choice(VALUES[kind])}::{kind}"

    def fill(form):
        makers = {
            "n": lambda: value(r.choice(NUMBERS)), "d": lambda: value("numeric"),
            "i": lambda: value(r.choice(["smallint", "integer", "bigint"])),
            "f": lambda: value("double precision"), "t": lambda: value("text"),
            "k": lambda: str(r.choice([0, 1, 2, 3, 5, 12, -1, -2])), "dt": lambda: value("date"),
            "ts": lambda: value("timestamp"), "tz": lambda: value("timestamptz"),
            "tm": lambda: value("time"), "iv": lambda: value("interval"),
            "fd": lambda: r.choice(FIELDS), "tf": lambda: r.choice(FORMATS),
            "nf": lambda: r.choice(NUMBER_FORMATS),
        }
        for name, maker in makers.items():
            while "{" + name + "}" in form:
                form = form.replace("{" + name + "}", maker(), 1)
        return form

    def arithmetic():
        operator = r.choice(["+", "-", "*", "/", "%", "=", "<", ">=", "<>", "IS DISTINCT FROM"])
        return f"{value(r.choice(NUMBERS))} {operator} {value(r.choice(NUMBERS))}"

    def cast():
        kinds = list(VALUES)
        return f"({value(r.choice(kinds))})::{r.choice(kinds)}"

    def clock():
        operator = r.choice(["+", "-", "<", "="])
        return f"{value(r.choice(TIMES))} {operator} {value(r.choice(TIMES))}"

    makers = [arithmetic, arithmetic, cast, clock, lambda: fill(r.choice(DECIMALS)),
              lambda: fill(r.choice(TEXTS)), lambda: fill(r.choice(CLOCKS))]
    for _ in range(count):
        print(f"SELECT {r.choice(makers)()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
