/*
 * The table of built-in types: by OID, by name.
 *
 * Invariants: types.def is in order of OID, `names` in order of bytes; test_types.c looks.
 *
 * What is not here: types made by users (the catalog), text in and out (value_in.c, value_out.c).
 */
#include "types/type_int.h"

#include <string.h>

static const fly__sql_type_info infos[] = {
#define TYPE(oid_, name_, array_, element_, sql_, category_, preferred_, length_, physical_)       \
    {.oid = oid_,                                                                                  \
     .array_oid = array_,                                                                          \
     .element_oid = element_,                                                                      \
     .name = #name_,                                                                               \
     .sql_name = sql_,                                                                             \
     .category = category_,                                                                        \
     .preferred = preferred_,                                                                      \
     .length = length_,                                                                            \
     .physical = FLY_VEC_##physical_},
#include "types/types.def"
#undef TYPE
};

enum { INFO_COUNT = sizeof infos / sizeof infos[0] };

/* Every name that a type may be called by in SQL: pg_type's, the standard's, a few habits. */
static const struct {
    const char *name;
    uint32_t oid;
} names[] = {
    {"\"char\"", 18},
    {"_bit", 1561},
    {"_bool", 1000},
    {"_bpchar", 1014},
    {"_bytea", 1001},
    {"_char", 1002},
    {"_cid", 1012},
    {"_cstring", 1263},
    {"_date", 1182},
    {"_float4", 1021},
    {"_float8", 1022},
    {"_int2", 1005},
    {"_int2vector", 1006},
    {"_int4", 1007},
    {"_int8", 1016},
    {"_interval", 1187},
    {"_json", 199},
    {"_jsonb", 3807},
    {"_jsonpath", 4073},
    {"_name", 1003},
    {"_numeric", 1231},
    {"_oid", 1028},
    {"_oidvector", 1013},
    {"_pg_lsn", 3221},
    {"_record", 2287},
    {"_refcursor", 2201},
    {"_regclass", 2210},
    {"_regcollation", 4192},
    {"_regconfig", 3735},
    {"_regdictionary", 3770},
    {"_regnamespace", 4090},
    {"_regoper", 2208},
    {"_regoperator", 2209},
    {"_regproc", 1008},
    {"_regprocedure", 2207},
    {"_regrole", 4097},
    {"_regtype", 2211},
    {"_text", 1009},
    {"_tid", 1010},
    {"_time", 1183},
    {"_timestamp", 1115},
    {"_timestamptz", 1185},
    {"_timetz", 1270},
    {"_uuid", 2951},
    {"_varbit", 1563},
    {"_varchar", 1015},
    {"_xid", 1011},
    {"_xid8", 271},
    {"any", 2276},
    {"anyarray", 2277},
    {"anycompatible", 5077},
    {"anycompatiblearray", 5078},
    {"anycompatiblenonarray", 5079},
    {"anyelement", 2283},
    {"anyenum", 3500},
    {"anynonarray", 2776},
    {"bigint", 20},
    {"bigint[]", 1016},
    {"bit", 1560},
    {"bit varying", 1562},
    {"bit varying[]", 1563},
    {"bit[]", 1561},
    {"bool", 16},
    {"boolean", 16},
    {"boolean[]", 1000},
    {"bpchar", 1042},
    {"bytea", 17},
    {"bytea[]", 1001},
    {"char", 1042},
    {"character", 1042},
    {"character varying", 1043},
    {"character varying[]", 1015},
    {"character[]", 1014},
    {"cid", 29},
    {"cid[]", 1012},
    {"cstring", 2275},
    {"cstring[]", 1263},
    {"date", 1082},
    {"date[]", 1182},
    {"dec", 1700},
    {"decimal", 1700},
    {"double precision", 701},
    {"double precision[]", 1022},
    {"event_trigger", 3838},
    {"float", 701},
    {"float4", 700},
    {"float8", 701},
    {"int", 23},
    {"int2", 21},
    {"int2vector", 22},
    {"int2vector[]", 1006},
    {"int4", 23},
    {"int8", 20},
    {"integer", 23},
    {"integer[]", 1007},
    {"internal", 2281},
    {"interval", 1186},
    {"interval[]", 1187},
    {"json", 114},
    {"json[]", 199},
    {"jsonb", 3802},
    {"jsonb[]", 3807},
    {"jsonpath", 4072},
    {"jsonpath[]", 4073},
    {"language_handler", 2280},
    {"name", 19},
    {"name[]", 1003},
    {"numeric", 1700},
    {"numeric[]", 1231},
    {"oid", 26},
    {"oid[]", 1028},
    {"oidvector", 30},
    {"oidvector[]", 1013},
    {"pg_lsn", 3220},
    {"pg_lsn[]", 3221},
    {"pg_node_tree", 194},
    {"real", 700},
    {"real[]", 1021},
    {"record", 2249},
    {"record[]", 2287},
    {"refcursor", 1790},
    {"refcursor[]", 2201},
    {"regclass", 2205},
    {"regclass[]", 2210},
    {"regcollation", 4191},
    {"regcollation[]", 4192},
    {"regconfig", 3734},
    {"regconfig[]", 3735},
    {"regdictionary", 3769},
    {"regdictionary[]", 3770},
    {"regnamespace", 4089},
    {"regnamespace[]", 4090},
    {"regoper", 2203},
    {"regoper[]", 2208},
    {"regoperator", 2204},
    {"regoperator[]", 2209},
    {"regproc", 24},
    {"regproc[]", 1008},
    {"regprocedure", 2202},
    {"regprocedure[]", 2207},
    {"regrole", 4096},
    {"regrole[]", 4097},
    {"regtype", 2206},
    {"regtype[]", 2211},
    {"smallint", 21},
    {"smallint[]", 1005},
    {"text", 25},
    {"text[]", 1009},
    {"tid", 27},
    {"tid[]", 1010},
    {"time", 1083},
    {"time with time zone", 1266},
    {"time with time zone[]", 1270},
    {"time without time zone", 1083},
    {"time without time zone[]", 1183},
    {"timestamp", 1114},
    {"timestamp with time zone", 1184},
    {"timestamp with time zone[]", 1185},
    {"timestamp without time zone", 1114},
    {"timestamp without time zone[]", 1115},
    {"timestamptz", 1184},
    {"timetz", 1266},
    {"trigger", 2279},
    {"unknown", 705},
    {"uuid", 2950},
    {"uuid[]", 2951},
    {"varbit", 1562},
    {"varchar", 1043},
    {"void", 2278},
    {"xid", 28},
    {"xid8", 5069},
    {"xid8[]", 271},
    {"xid[]", 1011},
};

const fly__sql_type_info *fly__sql_type_infos(size_t *count)
{
    *count = INFO_COUNT;
    return infos;
}

const fly__sql_type_info *fly__sql_type_info_of(uint32_t oid)
{
    size_t low = 0;
    size_t high = INFO_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (infos[middle].oid < oid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < INFO_COUNT && infos[low].oid == oid ? &infos[low] : NULL;
}

const fly__sql_type_info *fly__sql_type_info_named(const char *name)
{
    size_t low = 0;
    size_t high = sizeof names / sizeof names[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(names[middle].name, name);
        if (order == 0) {
            return fly__sql_type_info_of(names[middle].oid);
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

fly_vec_type fly__sql_type_physical(fly_sql_type type)
{
    if (type.oid == FLY_SQL_NUMERIC && type.digits > 0) {
        return type.digits <= 18 ? FLY_VEC_I64 : FLY_VEC_I128;
    }
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    if (info != NULL) {
        return (fly_vec_type)info->physical;
    }
    return type.digits > 0 ? (fly_vec_type)(type.digits - 1) : FLY_VEC_STR;
}

fly_sql_type fly__sql_type(uint32_t oid)
{
    return (fly_sql_type){.oid = oid, .mod = -1};
}

fly_sql_type fly__sql_type_numeric(unsigned digits, unsigned scale)
{
    return (fly_sql_type){
        .oid = FLY_SQL_NUMERIC, .mod = -1, .digits = (uint8_t)digits, .scale = (uint8_t)scale};
}

bool fly__sql_type_is_array(uint32_t oid)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(oid);
    return info != NULL && info->element_oid != 0;
}

/* The flipped bit: signed order of the numbers is then unsigned order of the bytes. */
static const fly_vec_u128 UUID_TOP = (fly_vec_u128)1 << 127;

fly_vec_i128 fly__sql_uuid_of(const uint8_t bytes[16])
{
    fly_vec_u128 value = 0;
    for (int i = 0; i < 16; i++) {
        value = value << 8 | bytes[i];
    }
    return (fly_vec_i128)(value ^ UUID_TOP);
}

void fly__sql_uuid_bytes(fly_vec_i128 value, uint8_t bytes[16])
{
    fly_vec_u128 rest = (fly_vec_u128)value ^ UUID_TOP;
    for (int i = 15; i >= 0; i--) {
        bytes[i] = (uint8_t)rest;
        rest >>= 8;
    }
}
