/* sort_stages.h - what the stages of a SORT share (sort.c, sort_copy.c,
 * sort_rounds.c); sort.h is the door for others. */
#ifndef CMD_SORT_STAGES_H
#define CMD_SORT_STAGES_H

#include "cmd/sort.h"

#define SORT_BATCH_MAX 512 /* keys of a round */

/* --- sort.c */
/* What it holds now; and the same charged. */
size_t sort_held(const struct sort *sort);
void   sort_charge(struct sort *sort, size_t bytes);
/* May it hold so much? DB_PARKED: when others hold less. */
enum db_verdict sort_may_hold(struct sort_run *run, size_t bytes);
/* DB_FAILED, for that reason. */
enum db_verdict sort_fail(struct sort_run *run, err_t err);
/* It has had its slice of the turn; then it yields until the next. */
bool            sort_is_over_time(const struct sort_run *run);
enum db_verdict sort_yield(struct sort_run *run);
enum db_verdict sort_acquire(struct sort_run      *run,
                             const struct db_want *wants, size_t count);
bool sort_touches(const struct sort_run *run);
bool sort_stores(const struct sort_plan *plan);
bool sort_has_weights(enum sort_order order);
void sort_enter(struct sort *sort, enum sort_stage stage);

/* --- the stages. Each enters the next one when it is done. */
enum db_verdict sort_copy(struct sort_run *run);
/* By the elements themselves. */
enum db_verdict sort_weigh_elements(struct sort_run *run);
/* In the place of an older text of the sort's, or of NULL; takes it. True if
 * they differ. */
bool sort_put_text(struct sort *sort, struct sort_text **place,
                   struct sort_text *text);
/* What the keys of all slots hold, from sort->at on. */
enum db_verdict sort_look_up(struct sort_run *run, enum sort_stage next);

#endif
