/*
 * Goal: operators and expressions give the rows that SQL says, with batches of any size, and an instance
 * gives them again.
 * Method: plans built by hand over VALUES, run with batches of 1, 7 and 1,024 rows; the sessions that
 * they run in have no database behind them.
 */
#include "plan_build.h"
#include "session/program_int.h"
#include "store/source_int.h"

/* What only a session with a database can do; these give way to the real ones if those are linked. */
#define WEAK __attribute__((weak))
fly_status WEAK fly__sql_session_tree(fly_sql_session *session, const char *name, fly_tree **tree,
                                      fly_err *err)
{
    (void)session;
    (void)name;
    (void)tree;
    return fly_err_set(err, FLY_E_NOT_FOUND, "no trees here");
}

fly_status WEAK fly__sql_table_expr(fly_sql_session *session, const fly__sql_table *table,
                                    const char *source, fly_sql_type type, const fly_vec_value *row,
                                    fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    (void)session;
    (void)table;
    (void)source;
    (void)type;
    (void)row;
    (void)arena;
    (void)value;
    return fly_err_set(err, FLY_E_NOT_FOUND, "no tables here");
}

fly_status WEAK fly__sql_check_cancel(fly_sql_session *session, fly_err *err)
{
    (void)session;
    (void)err;
    return FLY_OK;
}

const fly__sql_source *WEAK fly__sql_source_of(struct fly_sql_session *session,
                                               const fly__sql_table *table)
{
    (void)session;
    (void)table;
    return NULL;
}

fly_status WEAK fly__sql_session_collation(fly_sql_session *session, uint32_t oid,
                                           const struct fly_collation **collation, fly_err *err)
{
    (void)session;
    (void)oid;
    (void)err;
    *collation = NULL;
    return FLY_OK;
}

static builder b;
static char text[1 << 16];

static void check_rows(fly__sql_rel *root, const char *wanted)
{
    static const uint32_t sizes[] = {1024, 7, 1};
    for (size_t i = 0; i < 3; i++) {
        run_plan(&b, root, sizes[i], text, sizeof text);
        ck_assert_msg(strcmp(text, wanted) == 0, "batches of %u: got \"%s\", not \"%s\" (%s)",
                      (unsigned)sizes[i], text, wanted, b.err.message);
    }
}

static fly__sql_rel *letters(void)
{
    static const int32_t n[] = {1, 10, 2, 20, INT_NULL, 30, 3, INT_NULL};
    return values(&b, 2, 4, n);
}

static fly__sql_rel *others(void)
{
    static const int32_t n[] = {2, 200, 3, 300, 3, 301, 5, 500, INT_NULL, 600};
    return values(&b, 2, 5, n);
}

START_TEST(values_are_given_in_order)
{
    check_rows(letters(), "1,10 2,20 NULL,30 3,NULL");
}
END_TEST

START_TEST(a_filter_keeps_what_is_true)
{
    fly__sql_rel *v = letters();
    check_rows(filter(&b, v, op(&b, ">", column(&b, v, 0), number(&b, 1))), "2,20 3,NULL");
}
END_TEST

START_TEST(or_is_true_if_one_is_and_unknown_if_one_is_unknown)
{
    fly__sql_rel *v = letters();
    fly__sql_expr *or_ = expr_new(&b, FLY__SQL_X_OR, FLY_SQL_BOOL, 2,
                                  op(&b, ">", column(&b, v, 0), number(&b, 2)),
                                  op(&b, ">", column(&b, v, 1), number(&b, 15)));
    check_rows(filter(&b, v, or_), "2,20 NULL,30 3,NULL");
    fly__sql_expr **exprs = make(&b, sizeof *exprs);
    exprs[0] = or_;
    check_rows(project(&b, v, 1, exprs), "0 1 1 1");
    or_->kind = FLY__SQL_X_AND;
    check_rows(project(&b, v, 1, exprs), "0 0 NULL NULL");
}
END_TEST

START_TEST(case_does_not_evaluate_what_is_not_taken)
{
    static const int32_t n[] = {0, 1, 2, INT_NULL};
    fly__sql_rel *v = values(&b, 1, 4, n);
    fly__sql_expr *divide = op(&b, "/", number(&b, 10), column(&b, v, 0));
    fly__sql_expr *zero = op(&b, "=", column(&b, v, 0), number(&b, 0));
    fly__sql_expr *x = expr_new(&b, FLY__SQL_X_CASE, FLY_SQL_INT4, 3, zero, number(&b, -1));
    x->args[2] = divide;
    fly__sql_expr **exprs = make(&b, sizeof *exprs);
    exprs[0] = x;
    check_rows(project(&b, v, 1, exprs), "-1 10 5 NULL");
    exprs[0] = divide;
    check_rows(project(&b, v, 1, exprs), "!22012");
    /* Nor do AND and COALESCE. */
    fly__sql_expr *is_zero = op(&b, "=", column(&b, v, 0), number(&b, 0));
    fly__sql_expr *big = op(&b, ">", divide, number(&b, 5));
    big->raises = true;
    exprs[0] = expr_new(&b, FLY__SQL_X_OR, FLY_SQL_BOOL, 2, is_zero, big);
    check_rows(project(&b, v, 1, exprs), "1 1 0 NULL");
}
END_TEST

START_TEST(coalesce_takes_the_first_that_is_there)
{
    fly__sql_rel *v = letters();
    fly__sql_expr **exprs = make(&b, sizeof *exprs);
    exprs[0] =
        expr_new(&b, FLY__SQL_X_COALESCE, FLY_SQL_INT4, 2, column(&b, v, 0), column(&b, v, 1));
    check_rows(project(&b, v, 1, exprs), "1 2 30 3");
}
END_TEST

/* Joins: the same answers by hashing and by loops. */
static const struct {
    fly__sql_join_kind kind;
    const char *rows;
} joins[] = {
    {FLY__SQL_JOIN_INNER, "2,20,2,200 3,NULL,3,300 3,NULL,3,301"},
    {FLY__SQL_JOIN_LEFT, "1,10,NULL,NULL 2,20,2,200 3,NULL,3,300 3,NULL,3,301 NULL,30,NULL,NULL"},
    {FLY__SQL_JOIN_RIGHT,
     "2,20,2,200 3,NULL,3,300 3,NULL,3,301 NULL,NULL,5,500 NULL,NULL,NULL,600"},
    {FLY__SQL_JOIN_FULL, "1,10,NULL,NULL 2,20,2,200 3,NULL,3,300 3,NULL,3,301 NULL,30,NULL,NULL "
                         "NULL,NULL,5,500 NULL,NULL,NULL,600"},
    {FLY__SQL_JOIN_SEMI, "2,20 3,NULL"},
    {FLY__SQL_JOIN_ANTI, "1,10 NULL,30"},
    {FLY__SQL_JOIN_ANTI_NULL, ""},
    {FLY__SQL_JOIN_MARK, "1,10,NULL 2,20,1 3,NULL,1 NULL,30,NULL"},
    {FLY__SQL_JOIN_SINGLE, "!21000"},
};

START_TEST(joins_of_all_kinds_give_their_rows)
{
    for (int loops = 0; loops < 3; loops++) {
        fly__sql_rel *left = letters(), *right = others();
        fly__sql_rel *j = join(&b, joins[_i].kind, left, right,
                               op(&b, "=", column(&b, left, 0), column(&b, right, 0)));
        j->join.method = loops == 1 ? 'n' : 'h';
        j->join.build_left = loops == 2;
        uint32_t keys = j->column_count;
        check_rows(sorted(&b, j, keys), joins[_i].rows);
    }
}
END_TEST

START_TEST(a_residual_decides_what_matches)
{
    for (int loops = 0; loops < 3; loops++) {
        fly__sql_rel *left = letters(), *right = others();
        fly__sql_expr *both = expr_new(&b, FLY__SQL_X_AND, FLY_SQL_BOOL, 2,
                                       op(&b, "=", column(&b, left, 0), column(&b, right, 0)),
                                       op(&b, ">", column(&b, right, 1), number(&b, 300)));
        fly__sql_rel *j = join(&b, FLY__SQL_JOIN_LEFT, left, right, both);
        j->join.method = loops == 1 ? 'n' : 'h';
        j->join.build_left = loops == 2;
        check_rows(sorted(&b, j, 4),
                   "1,10,NULL,NULL 2,20,NULL,NULL 3,NULL,3,301 NULL,30,NULL,NULL");
        j = join(&b, FLY__SQL_JOIN_ANTI, left, right, both);
        j->join.method = loops == 1 ? 'n' : 'h';
        j->join.build_left = loops == 2;
        check_rows(sorted(&b, j, 2), "1,10 2,20 NULL,30");
    }
}
END_TEST

START_TEST(an_empty_right_side_makes_not_in_true)
{
    for (int loops = 0; loops < 2; loops++) {
        fly__sql_rel *left = letters(), *right = others();
        fly__sql_rel *none = filter(&b, right, op(&b, ">", column(&b, right, 0), number(&b, 99)));
        fly__sql_rel *j = join(&b, FLY__SQL_JOIN_ANTI_NULL, left, none,
                               op(&b, "=", column(&b, left, 0), column(&b, none, 0)));
        j->join.method = loops ? 'n' : 'h';
        check_rows(j, "1,10 2,20 NULL,30 3,NULL");
    }
}
END_TEST

START_TEST(lateral_sees_the_left_row)
{
    fly__sql_rel *left = letters(), *right = others();
    fly__sql_rel *inner = filter(&b, right, op(&b, "<", column(&b, right, 0), column(&b, left, 0)));
    fly__sql_rel *j = join(&b, FLY__SQL_JOIN_LEFT, left, inner, NULL);
    j->join.lateral = true;
    check_rows(j, "1,10,NULL,NULL 2,20,NULL,NULL NULL,30,NULL,NULL 3,NULL,2,200");
}
END_TEST

static fly__sql_expr *subquery(fly__sql_subquery_kind kind, fly__sql_rel *rel, fly__sql_expr *test,
                               uint32_t oid)
{
    fly__sql_expr *x = expr_new(&b, FLY__SQL_X_SUBQUERY, oid, 0, NULL, NULL);
    x->subquery = make(&b, sizeof *x->subquery);
    x->subquery->kind = kind;
    x->subquery->rel = rel;
    x->subquery->test = test;
    return x;
}

START_TEST(subqueries_see_the_row_that_they_stand_in)
{
    fly__sql_rel *left = letters(), *right = others();
    fly__sql_rel *inner = filter(&b, right, op(&b, "=", column(&b, right, 0), column(&b, left, 0)));
    check_rows(filter(&b, left, subquery(FLY__SQL_SUB_EXISTS, inner, NULL, FLY_SQL_BOOL)),
               "2,20 3,NULL");
    fly__sql_expr **exprs = make(&b, sizeof *exprs);
    exprs[0] = subquery(FLY__SQL_SUB_ANY, right,
                        op(&b, "=", column(&b, left, 0), column(&b, right, 0)), FLY_SQL_BOOL);
    check_rows(project(&b, left, 1, exprs), "NULL 1 NULL 1");
    exprs[0] = subquery(FLY__SQL_SUB_ALL, right,
                        op(&b, "<", column(&b, left, 0), column(&b, right, 1)), FLY_SQL_BOOL);
    check_rows(project(&b, left, 1, exprs), "1 1 NULL 1");
    fly__sql_expr **one = make(&b, sizeof *one);
    one[0] = column(&b, inner, 1);
    exprs[0] = subquery(FLY__SQL_SUB_SCALAR, project(&b, inner, 1, one), NULL, FLY_SQL_INT4);
    check_rows(project(&b, left, 1, exprs), "!21000");
}
END_TEST

static fly__sql_rel *count_by(fly__sql_rel *left, bool by, bool distinct)
{
    fly__sql_rel *rel = rel_new(&b, FLY__SQL_R_AGGREGATE, 2u + by, left, NULL);
    size_t count;
    const fly__sql_func *f;
    rel->aggregate.group_count = by;
    rel->aggregate.groups = make(&b, sizeof(fly__sql_expr *));
    rel->aggregate.groups[0] = column(&b, left, 0);
    rel->aggregate.agg_count = 2;
    rel->aggregate.aggs = make(&b, 2 * sizeof *rel->aggregate.aggs);
    if (by) {
        rel->columns[0] = left->columns[0];
        rel->columns[0].id = b.next++;
    }
    for (uint32_t i = 0; i < 2; i++) {
        fly__sql_agg *agg = &rel->aggregate.aggs[i];
        f = fly__sql_funcs_named(i == 0 ? "count" : "max", &count);
        for (size_t k = 0; k < count; k++) {
            if (f[k].argc == 1 && (i == 0 || f[k].args[0] == FLY_SQL_INT4)) {
                agg->func = &f[k];
            }
        }
        ck_assert_ptr_nonnull(agg->func);
        agg->argc = 1;
        agg->args = make(&b, sizeof(fly__sql_expr *));
        agg->args[0] = column(&b, left, 1);
        agg->distinct = distinct;
        agg->out = (fly__sql_colref){.id = b.next++,
                                     .type = fly__sql_type(i == 0 ? FLY_SQL_INT8 : FLY_SQL_INT4)};
        rel->columns[i + by] = agg->out;
    }
    return rel;
}

START_TEST(groups_have_their_aggregates)
{
    static const int32_t n[] = {1, 5, 2, 7, 1, 5, INT_NULL, 1, 2, INT_NULL, INT_NULL, 3, 1, 9};
    fly__sql_rel *v = values(&b, 2, 7, n);
    check_rows(sorted(&b, count_by(v, true, false), 3), "1,3,9 2,1,7 NULL,2,3");
    check_rows(sorted(&b, count_by(v, true, true), 3), "1,2,9 2,1,7 NULL,2,3");
    check_rows(count_by(v, false, false), "6,9");
    fly__sql_rel *none = filter(&b, v, op(&b, ">", column(&b, v, 0), number(&b, 99)));
    check_rows(count_by(none, false, false), "0,NULL");
    check_rows(count_by(none, true, false), "");
}
END_TEST

START_TEST(grouping_sets_are_each_computed)
{
    static const int32_t n[] = {1, 5, 2, 7, 1, 5};
    static uint64_t sets[] = {1, 0};
    fly__sql_rel *v = values(&b, 2, 3, n);
    fly__sql_rel *a = count_by(v, true, false);
    a->aggregate.set_count = 2;
    a->aggregate.sets = sets;
    check_rows(sorted(&b, a, 3), "1,2,5 2,1,7 NULL,3,7");
    fly__sql_rel *none = filter(&b, v, op(&b, ">", column(&b, v, 0), number(&b, 99)));
    a = count_by(none, true, false);
    a->aggregate.set_count = 2;
    a->aggregate.sets = sets;
    check_rows(a, "NULL,0,NULL");
}
END_TEST

static fly__sql_rel *set_operation(char kind, bool all)
{
    static const int32_t l[] = {1, 2, 2, 3, 3, 3, INT_NULL};
    static const int32_t r[] = {2, 3, 3, 4, INT_NULL};
    fly__sql_rel *left = values(&b, 1, 7, l), *right = values(&b, 1, 5, r);
    fly__sql_rel *rel = over(&b, FLY__SQL_R_SETOP, left);
    rel->right = right;
    rel->setop.op = kind;
    rel->setop.all = all;
    return sorted(&b, rel, 1);
}

START_TEST(set_operations_count_what_they_must)
{
    check_rows(set_operation('u', true), "1 2 2 2 3 3 3 3 3 4 NULL NULL");
    check_rows(set_operation('u', false), "1 2 3 4 NULL");
    check_rows(set_operation('i', true), "2 3 3 NULL");
    check_rows(set_operation('i', false), "2 3 NULL");
    check_rows(set_operation('e', true), "1 2 3");
    check_rows(set_operation('e', false), "1");
}
END_TEST

static fly__sql_rel *limited(fly__sql_rel *left, int32_t limit, int32_t offset, bool ties)
{
    fly__sql_rel *rel = over(&b, FLY__SQL_R_LIMIT, left);
    rel->limit.limit = number(&b, limit);
    rel->limit.offset = offset > 0 ? number(&b, offset) : NULL;
    rel->limit.with_ties = ties;
    return rel;
}

START_TEST(limit_gives_no_more_than_asked)
{
    static const int32_t n[] = {3, 1, 2, 2, 5, 2, 4};
    fly__sql_rel *v = sorted(&b, values(&b, 1, 7, n), 1);
    check_rows(limited(v, 3, 0, false), "1 2 2");
    check_rows(limited(v, 3, 2, false), "2 2 3");
    check_rows(limited(v, 2, 0, true), "1 2 2 2");
    check_rows(limited(v, 0, 0, false), "");
    check_rows(limited(v, INT_NULL, 5, false), "4 5");
    check_rows(limited(v, -1, 0, false), "!2201W");
}
END_TEST

START_TEST(distinct_keeps_the_first_of_each)
{
    static const int32_t n[] = {3, 1, 3, 3, INT_NULL, 1, INT_NULL};
    check_rows(over(&b, FLY__SQL_R_DISTINCT, values(&b, 1, 7, n)), "3 1 NULL");
}
END_TEST

/* WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5 */
START_TEST(a_recursion_without_end_ends_with_its_limit)
{
    static const int32_t one[] = {1};
    fly__sql_cte *cte = make(&b, sizeof *cte);
    cte->name = "t";
    cte->rel = values(&b, 1, 1, one);
    cte->count = 1;
    cte->columns = cte->rel->columns;
    cte->union_all = true;
    fly__sql_rel *work = rel_new(&b, FLY__SQL_R_CTE, 1, NULL, NULL);
    work->columns[0] = (fly__sql_colref){.id = b.next++, .type = fly__sql_type(FLY_SQL_INT4)};
    work->cte.cte = cte;
    work->cte.work = true;
    fly__sql_expr **exprs = make(&b, sizeof *exprs);
    exprs[0] = op(&b, "+", column(&b, work, 0), number(&b, 1));
    cte->recursive = project(&b, work, 1, exprs);
    fly__sql_rel *use = rel_new(&b, FLY__SQL_R_CTE, 1, NULL, NULL);
    use->columns[0] = (fly__sql_colref){.id = b.next++, .type = fly__sql_type(FLY_SQL_INT4)};
    use->cte.cte = cte;
    fly__sql_rel *with = over(&b, FLY__SQL_R_WITH, limited(use, 5, 0, false));
    with->with.count = 1;
    with->with.ctes = make(&b, sizeof *with->with.ctes);
    with->with.ctes[0] = cte;
    check_rows(with, "1 2 3 4 5");
}
END_TEST

/* Many rows, little memory: runs, partitions and chunks go to disk, and the rows are the same. */
START_TEST(what_does_not_fit_goes_to_disk)
{
    enum { N = 40000 };
    int32_t *n = make(&b, 2 * N * sizeof *n);
    for (int i = 0; i < N; i++) {
        n[2 * i] = (int32_t)((uint32_t)i * 2654435761u % 20011u);
        n[2 * i + 1] = i;
    }
    fly__sql_rel *v = values(&b, 2, N, n);
    fly__sql_rel *a = count_by(sorted(&b, v, 2), true, false);
    fly__sql_rel *top = limited(sorted(&b, a, 1), 3, 20000, false);
    char first[256];
    run_plan(&b, top, 1024, text, sizeof text);
    strcpy(first, text);
    b.session.query.limit = 3 << 20;
    run_plan(&b, top, 1024, text, sizeof text);
    ck_assert_msg(strcmp(first, text) == 0, "\"%s\", with little memory \"%s\" (%s)", first, text,
                  b.err.message);
    ck_assert_msg(first[0] != '!' && first[0] != 0, "%s %s", first, b.err.message);
}
END_TEST

static void set_up(void)
{
    build_begin(&b);
}

static void tear_down(void)
{
    build_end(&b);
}

int main(void)
{
    Suite *suite = suite_create("exec");
    TCase *t = fly_test_case(suite, "exec");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, values_are_given_in_order);
    tcase_add_test(t, a_filter_keeps_what_is_true);
    tcase_add_test(t, or_is_true_if_one_is_and_unknown_if_one_is_unknown);
    tcase_add_test(t, case_does_not_evaluate_what_is_not_taken);
    tcase_add_test(t, coalesce_takes_the_first_that_is_there);
    tcase_add_loop_test(t, joins_of_all_kinds_give_their_rows, 0,
                        (int)(sizeof joins / sizeof joins[0]));
    tcase_add_test(t, a_residual_decides_what_matches);
    tcase_add_test(t, an_empty_right_side_makes_not_in_true);
    tcase_add_test(t, lateral_sees_the_left_row);
    tcase_add_test(t, subqueries_see_the_row_that_they_stand_in);
    tcase_add_test(t, groups_have_their_aggregates);
    tcase_add_test(t, grouping_sets_are_each_computed);
    tcase_add_test(t, set_operations_count_what_they_must);
    tcase_add_test(t, limit_gives_no_more_than_asked);
    tcase_add_test(t, distinct_keeps_the_first_of_each);
    tcase_add_test(t, a_recursion_without_end_ends_with_its_limit);
    tcase_add_test(t, what_does_not_fit_goes_to_disk);
    return fly_test_run(suite);
}
