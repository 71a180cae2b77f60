/**
 * @file sql.h
 * @brief SQL: PostgreSQL's dialect over the stores of libtxn.
 *
 * Threads: each function says.
 */
#ifndef FLY_SQL_H
#define FLY_SQL_H

#include <fly/base.h>

/** @defgroup sql libsql: the language */
/** @addtogroup sql
 *  @{ */

#define FLY_SQL_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

FLY_EXTERN_C_END
/** @} */
#endif
