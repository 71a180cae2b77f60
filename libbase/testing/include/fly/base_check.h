/**
 * @file base_check.h
 * @brief What our tests say again and again in the language of the Check framework.
 *
 * For test programs only: it includes <check.h>, which the libraries do not need. A test file ends:
 *
 *     int main(void)
 *     {
 *         Suite *suite = suite_create("accounts");
 *         TCase *tests = fly_test_case(suite, "limits");
 *         tcase_add_checked_fixture(tests, setup, teardown);
 *         tcase_add_test(tests, a_request_beyond_the_limit_is_refused);
 *         return fly_test_run(suite);
 *     }
 *
 * An assertion of Check tells the parent process where it is even when it holds, which takes
 * microseconds: in a loop over bytes use memcmp(), or ask first and ck_abort_msg() then.
 */
#ifndef FLY_BASE_CHECK_H
#define FLY_BASE_CHECK_H

#include <check.h>
#include <fly/base.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

/** The call must return `wanted`; the message has both names and the story in `err`, a fly_err. */
#define FLY_CHECK(call, wanted, err)                                                               \
    do {                                                                                           \
        fly_status got_ = (call);                                                                  \
        ck_assert_msg(got_ == (wanted), "%s: %s instead of %s: %s", #call, fly_status_name(got_),  \
                      fly_status_name(wanted), (err).message);                                     \
    } while (0)

/** The call must succeed. */
#define FLY_CHECK_OK(call, err) FLY_CHECK(call, FLY_OK, err)

/** Do not care whether the call succeeds. */
#define FLY_IGNORE(call)                                                                           \
    do {                                                                                           \
        if ((call) != FLY_OK) {                                                                    \
        }                                                                                          \
    } while (0)

/** The text must contain another. */
#define FLY_CHECK_SAYS(text, part)                                                                 \
    ck_assert_msg(__builtin_strstr((text), (part)) != NULL, "\"%s\" does not say \"%s\"", (text),  \
                  (part))

enum { FLY_TEST_SECONDS = 120 }; /**< how long one test may take, sanitizers included */

/** A group of tests in a suite. */
static inline TCase *fly_test_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, FLY_TEST_SECONDS);
    suite_add_tcase(suite, tests);
    return tests;
}

/** Run everything, one process per test; what main() returns. */
static inline int fly_test_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

FLY_EXTERN_C_END
/** @} */
#endif
