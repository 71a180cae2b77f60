/*
 * Lists for policies: which of these numbers was here first? Private to libbufpool.
 *
 * The members of all lists of a policy, and the lists' heads, are numbers in one array of links. A
 * list is a ring through its head, newest first; a number in no list is a ring of its own.
 *
 *     head ──> newest ──> ... ──> oldest ──> head
 */
#ifndef FLY_BUFPOOL_POLICY_LIST_INT_H
#define FLY_BUFPOOL_POLICY_LIST_INT_H

#include <fly/base.h>

struct fly__bufpool_link {
    uint32_t newer, older;
};

/* An empty list, or a number in no list. */
static inline void fly__bufpool_link_init(struct fly__bufpool_link *links, uint32_t at)
{
    links[at] = (struct fly__bufpool_link){at, at};
}

static inline bool fly__bufpool_link_alone(const struct fly__bufpool_link *links, uint32_t at)
{
    return links[at].older == at;
}

/* Put `at`, which is in no list, where the newest is. */
static inline void fly__bufpool_link_push(struct fly__bufpool_link *links, uint32_t head,
                                          uint32_t at)
{
    FLY_ASSERT(fly__bufpool_link_alone(links, at));
    uint32_t second = links[head].older;
    links[at] = (struct fly__bufpool_link){.newer = head, .older = second};
    links[second].newer = at;
    links[head].older = at;
}

/* Take `at` out of the list that it is in. */
static inline void fly__bufpool_link_remove(struct fly__bufpool_link *links, uint32_t at)
{
    FLY_ASSERT(!fly__bufpool_link_alone(links, at));
    links[links[at].newer].older = links[at].older;
    links[links[at].older].newer = links[at].newer;
    fly__bufpool_link_init(links, at);
}

/* The oldest of a list that may go, or UINT32_MAX. */
static inline uint32_t fly__bufpool_link_oldest(const struct fly__bufpool_link *links,
                                                uint32_t head,
                                                bool (*may)(void *ctx, uint32_t slot), void *ctx)
{
    uint32_t at = links[head].newer;
    while (at != head && !may(ctx, at)) {
        at = links[at].newer;
    }
    return at != head ? at : UINT32_MAX;
}

#endif
