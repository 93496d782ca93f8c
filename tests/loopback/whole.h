/* tests/loopback/whole.h: the whole service with one loop, put together as the daemon does, in this process; and
 * a client with one connection to it. What fails, fails the test. */
#ifndef TOK_TESTS_LOOPBACK_WHOLE_H
#define TOK_TESTS_LOOPBACK_WHOLE_H

#include "bed.h"

#include "endpoint/context.h"
#include "service/boot.h"

#define WHOLE_SECRET "0123456789abcdefghijklmnopqrstuvwxyz"
#define WHOLE_RS "Basic cnM6MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6" /* rs:WHOLE_SECRET */
#define WHOLE_LOGIN "grant_type=password&username=alice&password=correct+horse"

struct whole {
    struct tok_config *config;
    struct tok_data_dir dir;
    struct tok_boot boot;
    struct tok_server *server;
    struct tok_clerk clerk;
    struct tok_local local;
    struct tok_context context;
    atomic_bool draining;
    int fd; /* the one connection */
};

/* Over the data in `folder`, which may be there already, with these settings beside cheap hashes ("NAME=VALUE",
 * NULL at the end; NULL: none). The record must not move while it is open. */
void whole_open(struct whole *w, const char *folder, const char *const *sets);
/* The folder stays. */
void whole_close(struct whole *w);

/* For a new folder: the client `rs` with all grants, read and introspect; the user alice, u-alice, role user,
 * scope read. */
void whole_furnish(struct whole *w);
struct tok_loop *whole_loop(struct whole *w);

/* A request on the connection: "METHOD TARGET", further header lines or "", the value of Authorization or NULL, a
 * form or NULL. The other two hear the answer too, and give the status. */
void whole_say(struct whole *w, const char *line, const char *headers, const char *authorization,
               const char *form);
int whole_ask_with(struct whole *w, const char *line, const char *headers,
                   const char *authorization, const char *form, struct reply *ret);
int whole_ask(struct whole *w, const char *line, const char *authorization, const char *form,
              struct reply *ret);
/* A string member of the answer's body. */
void whole_member(const struct reply *answer, const char *name, char *ret, size_t room);

#endif
