/* The table as a schema for editors and other checkers. */
#ifndef FL_CORE_CONFIG_SCHEMA_H
#define FL_CORE_CONFIG_SCHEMA_H

/* A JSON Schema (draft 2020-12) of config.json, which refuses no valid file.
   It knows names, types, patterns and integer ranges; ranges of durations and
   sizes, and what depends on several keys, only fl_config_read checks.
   Returns a text owned by the caller (free), NULL when memory is out. */
char *fl_config_schema(void);

#endif
