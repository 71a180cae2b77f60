/*
 * Views: looking things up, by name along a search path and by OID.
 *
 *     V1  a core's objects are ordered by kind, then OID, and no two share both
 *     V2  every object with a name, and every index of a table, is in `names`
 *     V3  a core and its objects do not change once made
 *
 * What is not here: how a new core comes to be (catalog.c).
 */
#include "catalog/view_int.h"

#include "catalog/right_int.h"
#include "catalog/system_int.h"

#include <fly/base_hash.h>

#include <string.h>

static uint32_t name_hash(fly__sql_object_kind kind, const char *name)
{
    return (uint32_t)fly_hash(name, strlen(name), (uint64_t)kind) | 1;
}

/* Schemas are found by name alone; everything else by name first, its schema is then compared. */
static void add_name(fly__sql_core *core, fly__sql_object_kind kind, const char *name,
                     uint32_t object, uint32_t index)
{
    uint32_t hash = name_hash(kind, name);
    size_t at = hash & (core->name_room - 1);
    while (core->names[at].object != 0) {
        at = (at + 1) & (core->name_room - 1);
    }
    core->names[at] = (fly__sql_name){.hash = hash, .object = object, .index = index};
}

static size_t count_names(fly__sql_object *const *objects, size_t count)
{
    size_t names = 0;
    for (size_t i = 0; i < count; i++) {
        names += objects[i]->name != NULL;
        if (objects[i]->kind == FLY__SQL_O_TABLE) {
            names += ((const fly__sql_table *)objects[i]->body)->index_count;
        }
    }
    return names;
}

fly_status fly__sql_core_create(fly_mem *mem, uint64_t version, fly__sql_object *const *objects,
                                size_t count, fly__sql_core **core, fly_err *err)
{
    size_t room = 16;
    for (size_t names = count_names(objects, count); room < 2 * names;) {
        room *= 2;
    }
    fly__sql_core *made = fly_mem_calloc(mem, 1, sizeof *made);
    fly__sql_object **copy = fly_mem_calloc(mem, count + 1, sizeof(fly__sql_object *));
    fly__sql_name *names = fly_mem_calloc(mem, room, sizeof *names);
    if (made == NULL || copy == NULL || names == NULL) {
        fly_mem_free(mem, made, sizeof *made);
        fly_mem_free(mem, copy, (count + 1) * sizeof(fly__sql_object *));
        fly_mem_free(mem, names, room * sizeof *names);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog of %zu objects",
                           count);
    }
    *made = (fly__sql_core){.mem = mem,
                            .version = version,
                            .count = count,
                            .objects = copy,
                            .name_room = room,
                            .names = names};
    fly_store_u32(&made->uses, 1);
    for (size_t i = 0; i < count; i++) {
        fly__sql_object *object = objects[i];
        copy[i] = object;
        (void)fly_add_u32(&object->uses, 1);
        if (object->name != NULL) {
            add_name(made, (fly__sql_object_kind)object->kind, object->name, (uint32_t)i + 1, 0);
        }
        if (object->kind == FLY__SQL_O_TABLE) {
            const fly__sql_table *table = object->body;
            for (uint16_t k = 0; k < table->index_count; k++) {
                add_name(made, FLY__SQL_O_TABLE, table->indexes[k]->name, (uint32_t)i + 1, k + 1u);
            }
        }
    }
    *core = made;
    return FLY_OK;
}

/* The place of the first object that is not before (kind, oid). */
static size_t place_of(const fly__sql_core *core, uint8_t kind, uint32_t oid)
{
    size_t low = 0;
    size_t high = core == NULL ? 0 : core->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const fly__sql_object *object = core->objects[mid];
        if (object->kind < kind || (object->kind == kind && object->oid < oid)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

fly__sql_object *fly__sql_core_find(const fly__sql_core *core, fly__sql_object_kind kind,
                                    uint32_t oid)
{
    size_t at = place_of(core, (uint8_t)kind, oid);
    if (core == NULL || at == core->count) {
        return NULL;
    }
    fly__sql_object *object = core->objects[at];
    return object->kind == kind && object->oid == oid ? object : NULL;
}

fly_status fly__sql_core_with(fly_mem *mem, const fly__sql_core *core, uint64_t version,
                              fly__sql_object_kind kind, uint32_t oid, fly__sql_object *object,
                              fly__sql_core **made, fly_err *err)
{
    size_t count = core == NULL ? 0 : core->count;
    size_t at = place_of(core, (uint8_t)kind, oid);
    size_t there = fly__sql_core_find(core, kind, oid) != NULL ? 1 : 0;
    size_t put = object != NULL ? 1 : 0;
    fly__sql_object **list = fly_mem_alloc(mem, (count + 1) * sizeof(fly__sql_object *));
    if (list == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog of %zu objects",
                           count);
    }
    if (count > 0) {
        memcpy(list, core->objects, at * sizeof(fly__sql_object *));
        memcpy(list + at + put, core->objects + at + there,
               (count - at - there) * sizeof(fly__sql_object *));
    }
    if (object != NULL) {
        list[at] = object;
    }
    fly_status status = fly__sql_core_create(mem, version, list, count - there + put, made, err);
    fly_mem_free(mem, list, (count + 1) * sizeof(fly__sql_object *));
    return status;
}

fly__sql_core *fly__sql_core_keep(fly__sql_core *core)
{
    if (core != NULL) {
        (void)fly_add_u32(&core->uses, 1);
    }
    return core;
}

void fly__sql_core_release(fly__sql_core *core)
{
    if (core == NULL || fly_sub_u32(&core->uses, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < core->count; i++) {
        fly__sql_object_release(core->objects[i]);
    }
    fly_mem_free(core->mem, core->objects, (core->count + 1) * sizeof(fly__sql_object *));
    fly_mem_free(core->mem, core->names, core->name_room * sizeof *core->names);
    fly_mem_free(core->mem, core, sizeof *core);
}

/* -------------------------------------------------------------- search paths */

static const fly__sql_object *core_schema(const fly__sql_core *core, const char *name, size_t len)
{
    for (size_t i = 0; core != NULL && i < core->count; i++) {
        const fly__sql_object *object = core->objects[i];
        if (object->kind != FLY__SQL_O_SCHEMA) {
            break; /* schemas come first */
        }
        if (strlen(object->name) == len && memcmp(object->name, name, len) == 0) {
            return object;
        }
    }
    return NULL;
}

static void add_to_path(fly__sql_catalog_view *view, uint32_t oid)
{
    for (uint32_t i = 0; i < view->path_count; i++) {
        if (view->path[i] == oid) {
            return;
        }
    }
    if (view->path_count < FLY__SQL_PATH_MAX) {
        view->path[view->path_count++] = oid;
    }
}

/* One name of a search path, as written: blanks around it, perhaps quoted. Returns where it ends. */
static const char *path_name(const char *at, const char **name, size_t *len)
{
    while (*at == ' ' || *at == ',') {
        at++;
    }
    char end = ',';
    if (*at == '"') {
        at++;
        end = '"';
    }
    *name = at;
    while (*at != '\0' && *at != end) {
        at++;
    }
    *len = (size_t)(at - *name);
    if (end == '"') {
        return *at == '"' ? at + 1 : at;
    }
    while (*len > 0 && (*name)[*len - 1] == ' ') {
        (*len)--;
    }
    return at;
}

/* Schemas that the user may not look into are not in the path. */
static void resolve_path(fly__sql_catalog_view *view, fly_sql_session *session)
{
    const char *search_path = session == NULL ? "public" : session->search_path;
    const char *user = session == NULL ? "admin" : session->user;
    static const char system[] = "pg_catalog";
    add_to_path(view, FLY__SQL_SCHEMA_TEMP);
    if (strstr(search_path, system) == NULL) {
        add_to_path(view, FLY__SQL_SCHEMA_PG_CATALOG);
    }
    for (const char *at = search_path; *at != '\0';) {
        const char *name;
        size_t len;
        at = path_name(at, &name, &len);
        if (len == 5 && memcmp(name, "$user", 5) == 0) {
            name = user;
            len = strlen(user);
        }
        const fly__sql_object *found = core_schema(view->core, name, len);
        if (found != NULL && (session == NULL ||
                              fly__sql_may_schema(session, view, found->oid, FLY__SQL_MAY_USAGE))) {
            add_to_path(view, found->oid);
        }
    }
}

fly_status fly__sql_view_create(fly_mem *mem, fly__sql_core *core, fly__sql_core *temp,
                                fly_sql_session *session, fly__sql_catalog_view **view,
                                fly_err *err)
{
    fly__sql_catalog_view *made = fly_mem_calloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a view of the catalog");
    }
    fly_store_u32(&made->uses, 1);
    made->mem = mem;
    made->core = fly__sql_core_keep(core);
    made->temp = fly__sql_core_keep(temp);
    if (session != NULL) {
        made->user = session->user_oid;
        made->roles = fly__sql_roles_version(session);
    }
    resolve_path(made, session);
    *view = made;
    return FLY_OK;
}

fly__sql_catalog_view *fly__sql_view_keep(fly__sql_catalog_view *view)
{
    (void)fly_add_u32(&view->uses, 1);
    return view;
}

void fly__sql_view_release(fly__sql_catalog_view *view)
{
    if (view != NULL && fly_sub_u32(&view->uses, 1) == 1) {
        fly__sql_core_release(view->core);
        fly__sql_core_release(view->temp);
        fly_mem_free(view->mem, view, sizeof *view);
    }
}

const uint32_t *fly__sql_view_path(const fly__sql_catalog_view *view, uint32_t *count)
{
    *count = view->path_count;
    return view->path;
}

uint64_t fly__sql_catalog_version(const fly__sql_catalog_view *view)
{
    return fly_hash_u64(view->core->version) + (view->temp == NULL ? 0 : view->temp->version);
}

/* ---------------------------------------------------------------- looking up */

/* The next name of `core` that is (kind, schema, name), from slot `*at` on (SIZE_MAX: from the
 * beginning): NULL if there is no other. */
static const fly__sql_name *next_name(const fly__sql_core *core, fly__sql_object_kind kind,
                                      uint32_t schema, const char *name, size_t *at)
{
    if (core == NULL) {
        return NULL;
    }
    uint32_t hash = name_hash(kind, name);
    size_t slot = *at == SIZE_MAX ? hash & (core->name_room - 1) : *at;
    for (; core->names[slot].object != 0; slot = (slot + 1) & (core->name_room - 1)) {
        const fly__sql_name *entry = &core->names[slot];
        const fly__sql_object *object = core->objects[entry->object - 1];
        if (entry->hash != hash || object->kind != kind || object->schema != schema) {
            continue;
        }
        const char *its =
            entry->index == 0
                ? object->name
                : ((const fly__sql_table *)object->body)->indexes[entry->index - 1]->name;
        if (strcmp(its, name) == 0) {
            *at = (slot + 1) & (core->name_room - 1);
            return entry;
        }
    }
    *at = slot;
    return NULL;
}

fly__sql_object *fly__sql_core_named(const fly__sql_core *core, fly__sql_object_kind kind,
                                     const char *name)
{
    size_t at = SIZE_MAX;
    const fly__sql_name *entry = next_name(core, kind, 0, name, &at);
    return entry == NULL ? NULL : core->objects[entry->object - 1];
}

static const fly__sql_core *core_of(const fly__sql_catalog_view *view, uint32_t schema)
{
    return schema == FLY__SQL_SCHEMA_TEMP ? view->temp : view->core;
}

const fly__sql_catalog_view *fly__sql_view_within(const fly__sql_catalog_view *view,
                                                  uint32_t schema, fly_arena *arena)
{
    const uint32_t first[] = {schema, FLY__SQL_SCHEMA_PUBLIC};
    fly__sql_catalog_view *within = fly_arena_alloc(arena, sizeof *within);
    if (within == NULL) {
        return NULL;
    }
    *within = *view;
    within->path_count = 0;
    for (uint32_t i = 0; i < view->path_count + 2; i++) {
        add_to_path(within, i < 2 ? first[i] : view->path[i - 2]);
    }
    return within;
}

/* The schemas in which a name is looked for: the one that is named (kept in `*one`), or the path. */
static const uint32_t *places(const fly__sql_catalog_view *view, const char *schema, uint32_t *one,
                              uint32_t *count)
{
    if (schema == NULL) {
        *count = view->path_count;
        return view->path;
    }
    const fly__sql_schema *found = fly__sql_schema_named(view, schema);
    *one = found == NULL ? 0 : found->oid;
    *count = 1;
    return one;
}

/* The object, or the index of a table, that a name means. */
static const fly__sql_name *resolve(const fly__sql_catalog_view *view, fly__sql_object_kind kind,
                                    const char *schema, const char *name, bool is_index,
                                    const fly__sql_object **object)
{
    uint32_t one;
    uint32_t count;
    const uint32_t *path = places(view, schema, &one, &count);
    for (uint32_t i = 0; i < count; i++) {
        const fly__sql_core *core = core_of(view, path[i]);
        size_t at = SIZE_MAX;
        for (;;) {
            const fly__sql_name *entry = next_name(core, kind, path[i], name, &at);
            if (entry == NULL) {
                break;
            }
            if ((entry->index != 0) == is_index) {
                *object = core->objects[entry->object - 1];
                return entry;
            }
        }
    }
    return NULL;
}

static const void *named(const fly__sql_catalog_view *view, fly__sql_object_kind kind,
                         const char *schema, const char *name)
{
    const fly__sql_object *object = NULL;
    return resolve(view, kind, schema, name, false, &object) == NULL ? NULL : object->body;
}

const void *fly__sql_object_of(const fly__sql_catalog_view *view, fly__sql_object_kind kind,
                               uint32_t oid)
{
    const fly__sql_object *object = fly__sql_core_find(view->core, kind, oid);
    if (object == NULL) {
        object = fly__sql_core_find(view->temp, kind, oid);
    }
    return object == NULL ? NULL : object->body;
}

const void *fly__sql_object_next(const fly__sql_catalog_view *view, fly__sql_object_kind kind,
                                 size_t *at)
{
    size_t temp_count = view->temp == NULL ? 0 : view->temp->count;
    while (*at < view->core->count + temp_count) {
        size_t place = (*at)++;
        const fly__sql_object *object = place < view->core->count
                                            ? view->core->objects[place]
                                            : view->temp->objects[place - view->core->count];
        if (object->kind == kind) {
            return object->body;
        }
    }
    return NULL;
}

const fly__sql_schema *fly__sql_schema_named(const fly__sql_catalog_view *view, const char *name)
{
    const char *meant = strcmp(name, "pg_temp") == 0 ? "pg_temp_1" : name;
    const fly__sql_object *object = core_schema(view->core, meant, strlen(meant));
    return object == NULL ? NULL : object->body;
}

const fly__sql_schema *fly__sql_schema_of(const fly__sql_catalog_view *view, uint32_t oid)
{
    return fly__sql_object_of(view, FLY__SQL_O_SCHEMA, oid);
}

const fly__sql_table *fly__sql_table_named(const fly__sql_catalog_view *view, const char *schema,
                                           const char *name)
{
    /* The system's own stand in the search path before what users make. */
    const fly__sql_table *system = NULL;
    if (schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        system = fly__sql_system_named(FLY__SQL_SCHEMA_PG_CATALOG, name);
    } else if (strcmp(schema, "information_schema") == 0) {
        system = fly__sql_system_named(FLY__SQL_SCHEMA_INFORMATION, name);
    }
    return system != NULL ? system : named(view, FLY__SQL_O_TABLE, schema, name);
}

const fly__sql_table *fly__sql_table_of(const fly__sql_catalog_view *view, uint32_t oid)
{
    const fly__sql_table *system = oid < FLY__SQL_OID_FIRST ? fly__sql_system_of(oid) : NULL;
    return system != NULL ? system : fly__sql_object_of(view, FLY__SQL_O_TABLE, oid);
}

const fly__sql_index *fly__sql_index_named(const fly__sql_catalog_view *view, const char *schema,
                                           const char *name)
{
    const fly__sql_object *object = NULL;
    const fly__sql_name *entry = resolve(view, FLY__SQL_O_TABLE, schema, name, true, &object);
    return entry == NULL ? NULL : ((const fly__sql_table *)object->body)->indexes[entry->index - 1];
}

const fly__sql_sequence *fly__sql_sequence_of(const fly__sql_catalog_view *view, uint32_t oid)
{
    return fly__sql_object_of(view, FLY__SQL_O_SEQUENCE, oid);
}

const fly__sql_user_type *fly__sql_user_type_named(const fly__sql_catalog_view *view,
                                                   const char *schema, const char *name)
{
    return named(view, FLY__SQL_O_TYPE, schema, name);
}

const fly__sql_user_type *fly__sql_user_type_of(const fly__sql_catalog_view *view, uint32_t oid)
{
    const fly__sql_user_type *type = fly__sql_object_of(view, FLY__SQL_O_TYPE, oid);
    size_t at = 0;
    if (type == NULL && oid >= FLY__SQL_OID_FIRST) {
        do {
            type = fly__sql_user_type_next(view, &at);
        } while (type != NULL && type->array_oid != oid);
    }
    return type;
}

const fly__sql_user_function *fly__sql_user_function_next(const fly__sql_catalog_view *view,
                                                          const char *schema, const char *name,
                                                          size_t *next)
{
    /* The walk goes through the schemas of the path one after the other: `*next` counts how many
     * functions were given so far. Overloads are few. */
    size_t skip = (*next)++;
    uint32_t one;
    uint32_t count;
    const uint32_t *path = places(view, schema, &one, &count);
    for (uint32_t i = 0; i < count; i++) {
        const fly__sql_core *core = core_of(view, path[i]);
        size_t at = SIZE_MAX;
        for (;;) {
            const fly__sql_name *entry = next_name(core, FLY__SQL_O_FUNCTION, path[i], name, &at);
            if (entry == NULL) {
                break;
            }
            if (skip-- == 0) {
                return core->objects[entry->object - 1]->body;
            }
        }
    }
    return NULL;
}

const fly__sql_user_function *fly__sql_user_function_of(const fly__sql_catalog_view *view,
                                                        uint32_t oid)
{
    return fly__sql_object_of(view, FLY__SQL_O_FUNCTION, oid);
}

const fly__sql_schema *fly__sql_schema_next(const fly__sql_catalog_view *view, size_t *at)
{
    const fly__sql_schema *schema;
    do {
        schema = fly__sql_object_next(view, FLY__SQL_O_SCHEMA, at);
    } while (schema != NULL && schema->name[0] == '\0'); /* public, when it was dropped */
    return schema;
}

const fly__sql_table *fly__sql_table_next(const fly__sql_catalog_view *view, size_t *at)
{
    return fly__sql_object_next(view, FLY__SQL_O_TABLE, at);
}

const fly__sql_user_type *fly__sql_user_type_next(const fly__sql_catalog_view *view, size_t *at)
{
    return fly__sql_object_next(view, FLY__SQL_O_TYPE, at);
}

const fly__sql_user_function *fly__sql_user_function_each(const fly__sql_catalog_view *view,
                                                          size_t *at)
{
    return fly__sql_object_next(view, FLY__SQL_O_FUNCTION, at);
}
