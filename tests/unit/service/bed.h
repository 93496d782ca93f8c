/* tests/unit/service/bed.h: a whole service on a bench: store in memory, one loop that the test turns by hand
 * (the clerk's own), a second loop that does at once what it is told, and a hasher without threads. Include
 * after cmocka.h; the executable is linked with the wraps of meson.build.
 *
 * One thread. The wall clock stands still until bed_pass. Teardown checks that no password, secret or token
 * that the bed has seen stands in the log. */
#ifndef TOK_TESTS_SERVICE_BED_H
#define TOK_TESTS_SERVICE_BED_H

#include "service/boot.h"
#include "service/clients.h"
#include "service/login.h"
#include "service/refresh.h"
#include "service/secrets.h"
#include "service/users.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

#define BED_NOW_S INT64_C(1800000000)
#define BED_PASSWORD "correct horse"

struct bed_loop {
    struct tok_loop loop; /* first */
    tok_time_us now;
};

struct bed {
    struct tok_boot boot; /* its service, above all */
    struct tok_service *svc;
    struct tok_config *config;
    struct tok_clerk clerk;
    struct tok_local *local; /* the clerk's: where jobs start and come home */
    struct bed_loop other_loop;
    struct tok_local other; /* what every other loop knows */
    struct tok_caller from;
    struct tok_audit_context who;
    tok_secret_text secret; /* of the clients "web" and "service" */
};

/* Users alice (id u-alice, role user, scopes read write) and bob (u-bob), both BED_PASSWORD; clients "default"
 * (public, all scopes), "web" (secret; password and refresh_token; read write erase), "once" (public; password
 * alone), "service" (secret; client_credentials; introspect). `set` NULL, or one more option. */
void bed_open(struct bed *b, const char *set);
void bed_close(struct bed *b);
int bed_setup(void **state); /* bed_open without an option */
int bed_teardown(void **state);
#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

/* Another moment. */
void bed_pass(struct bed *b, tok_time_us us);
/* Of a tok_caller_source whose arg is the caller. */
struct tok_caller bed_caller_of(void *caller);
tok_time_s bed_now_s(const struct bed *b);
/* Run what has come home, until nothing more does. */
void bed_turn(struct bed *b);

const struct tok_client *bed_client(const struct bed *b, const char *id);
struct tok_user bed_user(struct bed *b, const char *id_or_name);
size_t bed_audit(struct bed *b, struct tok_audit_row *ret_newest);
void bed_assert_newest_audit(struct bed *b, enum tok_audit_event event);
uint64_t bed_count(const struct bed *b, enum tok_counter what);
/* Both loops: good, or why not. The first answer when they differ is a failure of the test. */
bool bed_access_good(struct bed *b, tok_span token);

/* ---- jobs, from start to done ---- */

struct bed_login {
    struct tok_login login; /* first */
    unsigned done;
};
struct bed_refresh {
    struct tok_refresh refresh; /* first */
    unsigned done;
};
/* Fails the test when done() runs another number of times than it must. The result may be read until
 * bed_close; a job that is used again is wiped first. */
tok_err bed_login_as(struct bed *b, struct bed_login *job, const char *client, const char *user,
                     const char *password, const char *scope);
tok_err bed_login(struct bed *b, struct bed_login *job, const char *user, const char *password);
tok_err bed_refresh_as(struct bed *b, struct bed_refresh *job, const char *client, tok_span token,
                       const char *scope);
tok_span bed_access(const struct tok_grant *grant);

/* ---- what goes wrong, on demand ---- */

struct bed_faults {
    tok_err hasher_refuses;           /* submit */
    tok_err hasher_gives_up;          /* the job comes home without having run */
    unsigned hashings;                /* counted */
    unsigned verifications;           /* counted */
    tok_err verify_fails;             /* "could not tell" */
    void (*on_verify)(struct bed *b); /* between the lookup and the verdict; once */
    struct bed *on_verify_bed;
    unsigned publications_fail; /* so many next ones */
    void (*on_publish)(void);   /* before each, also before one that fails */
    bool sign_fails;
};
extern struct bed_faults bed_faults; /* zeroed by bed_open */

/* ---- the log ---- */

const char *bed_log(void);
bool bed_logged(const char *text);
void bed_log_forget(void);

#endif
