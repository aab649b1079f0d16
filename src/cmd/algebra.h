/* algebra.h - the sources of SINTER, ZUNION and their like: collections that
 * are read side by side.
 *
 * Ownership  sources borrow from the keys: valid until any key is changed or
 *            looked at.
 * Threads    loop thread.
 * Bounds     no more of them than the command has arguments. */
#ifndef CMD_ALGEBRA_H
#define CMD_ALGEBRA_H

#include "cmd/command.h"

struct source {
    struct coll coll;   /* count 0: there is no such key */
    double      weight; /* 1, unless told otherwise */
    size_t      place;  /* among the arguments */
};

#define SOURCES_FEW 4

struct sources {
    struct source *list; /* few, or its own */
    size_t         count;
    struct source  few[SOURCES_FEW];
};

/* Looks at the keys at arguments first, first + 1, ... False: one is neither
 * of type nor of other_type (of type again if there is none), and WRONGTYPE was
 * answered. After true, sources_deinit. */
bool sources_look(struct call *call, size_t first, size_t count,
                  enum obj_type type, enum obj_type other_type,
                  struct sources *out);
void sources_deinit(struct sources *sources);

/* From the given one on; those of one size stay in order. */
void sources_sort(struct sources *sources, size_t from, bool largest_first);

/* The element of that member; the score of one of a set is 1. */
bool   source_has(const struct source *source, slice member);
bool   source_find(const struct source *source, slice member, double *score);
double source_score_of(const struct source       *source,
                       const struct page_element *element);
/* Are they the same key? */
bool source_is(const struct source *source, const struct source *other);

/* How a difference is made, and whether it is worth being made at all. */
enum diff_plan {
    DIFF_NOTHING, /* the first is empty, or among the others */
    DIFF_BY_ASKING, /* each of the first: do the others have it? O(N*K log) */
    DIFF_BY_TAKING  /* all of the others from the first: O(sum log) */
};
/* The one that Redis chooses: fewer steps, halved for asking. */
enum diff_plan sources_diff_plan(const struct sources *sources);

/* --- storing the result -------------------------------------------------- */

/* The object goes to the first key, which is deleted instead if nothing is in
 * it (or it is NULL); how many there are is answered. Takes the object. */
void store_result(struct call *call, struct object *object, const char *event);
/* Has the result outgrown what a collection may be (of a command that stores
 * it), or what can be answered? Then OOM was answered. */
bool result_is_too_large(struct call *call, size_t object_bytes);

/* --- columns of the table ------------------------------------------------ */

/* The key of the result is replaced whatever it holds. */
enum db_need need_store(const struct call *call, size_t key_index);
/* What a result may add to memory: all sources, the smallest, the first. */
size_t grow_union(struct call *call);
size_t grow_inter(struct call *call);
size_t grow_diff(struct call *call);
/* What an answer takes, with the object that it is made from. SINTER needs
 * none, SDIFF not always. */
size_t reply_of_union(struct call *call);
size_t reply_of_inter(struct call *call);
size_t reply_of_diff(struct call *call);
size_t reply_of_sinter(struct call *call);
size_t reply_of_sdiff(struct call *call);
/* The answer is a number, or a few. */
size_t reply_of_number(struct call *call);

#endif
