/*
 * An engine that answers what the SQL says:
 *
 *     give C VALUE...     a result of C columns, row by row; - is NULL, "" the empty text
 *     fail STATE TEXT     an error
 *     change N            N rows affected
 *     who                 which session this is, counted from 0
 *
 * Anything else succeeds without a result.
 */
#ifndef FLYSLT_FAKE_H
#define FLYSLT_FAKE_H

#include "driver.h"

extern const slt_driver fake_driver;

#endif
