/* Entries of a dump: see entry.h. */
#include "entry.h"

#include <stdlib.h>
#include <string.h>

flydump_entry *flydump_add(flydump_list *list, flydump_stage stage, const char *kind,
                           const char *schema, const char *name, const char *text)
{
    if (list->count == list->room) {
        list->room = list->room * 2 + 16;
        list->entries = fsql_grow(list->entries, list->room * sizeof list->entries[0]);
    }
    flydump_entry *entry = &list->entries[list->count++];
    *entry = (flydump_entry){
        .stage = stage,
        .kind = fsql_copy(kind),
        .name = fsql_copy(name != NULL ? name : ""),
        .schema = fsql_copy(schema != NULL ? schema : ""),
        .text = fsql_copy(text != NULL ? text : ""),
    };
    return entry;
}

void flydump_list_deinit(flydump_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        flydump_entry *entry = &list->entries[i];
        free(entry->kind);
        free(entry->name);
        free(entry->schema);
        free(entry->text);
        free(entry->source);
    }
    free(list->entries);
    *list = (flydump_list){0};
}

bool flydump_is_parallel(flydump_stage stage)
{
    return stage == FLYDUMP_DATA || stage == FLYDUMP_KEYS;
}

/*
 * Definitions come back as they were written, so a name without a schema means what it meant then: the
 * object's own schema first, then public.
 */
void flydump_path(const flydump_entry *entry, fsql_text *text)
{
    if (entry->schema[0] == '\0' || strcmp(entry->schema, "public") == 0) {
        fsql_text_str_add(text, "SET search_path = public;\n");
    } else {
        fsql_text_printf(text, "SET search_path = %s, public;\n", entry->schema);
    }
}
