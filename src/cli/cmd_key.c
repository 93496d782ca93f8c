/* cli/cmd_key.c: tokend key … */
#include "cli/command.h"

#include "base/time.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 16384

static void print_keys(const struct tok_json *answer)
{
    int64_t fetches = 0;
    (void)tok_json_i64(tok_json_get(answer, "jwks_fetches"), &fetches);
    tok_print_listing(answer, "keys", "kid alg state created_at next_step next_at jwks_fetches");
    printf("of %lld fetches of the key set in the last hour\n\n", (long long)fetches);
    tok_print_table(tok_json_get(answer, "symmetric_keys"),
                    "use number state created_at superseded_at sessions gone_at clients");
}

int tok_cmd_key_list(struct tok_args *a)
{
    return tok_admin_list(a, "/admin/keys", print_keys);
}

static void print_symmetric(const struct tok_json *key, tok_span use)
{
    int64_t number = 0;
    (void)tok_json_i64(tok_json_get(key, "number"), &number);
    printf("%.*s key %lld is current: older ones are accepted until nothing needs them\n",
           (int)use.len, use.ptr, (long long)number);
}

static void print_rotated(const struct tok_json *key)
{
    tok_span use;
    if (tok_json_str(tok_json_get(key, "use"), &use)) {
        print_symmetric(key, use);
        return;
    }
    tok_span kid = TOK_LIT("?"), state = TOK_LIT("?"), warning;
    int64_t at;
    (void)tok_json_str(tok_json_get(key, "kid"), &kid);
    (void)tok_json_str(tok_json_get(key, "state"), &state);
    printf("key %.*s is %.*s", (int)kid.len, kid.ptr, (int)state.len, state.ptr);
    if (tok_json_i64(tok_json_get(key, "activate_at"), &at)) {
        char date[TOK_TIME_TEXT_BYTES];
        tok_time_text(at, date);
        printf(" and signs from %s, when every verifier has had time to read it", date);
    }
    putchar('\n');
    if (tok_json_str(tok_json_get(key, "warning"), &warning))
        fprintf(stderr, "tokend: warning: %.*s\n", (int)warning.len, warning.ptr);
}

int tok_cmd_key_rotate(struct tok_args *a)
{
    char room[2048];
    struct tok_buf body = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(&body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "now", a->given[TOK_FLAG_NOW] != 0);
    if (a->given[TOK_FLAG_USE])
        tok_json_member_str(&j, "use", tok_span_str(a->value[TOK_FLAG_USE]));
    tok_put_reason(a, &j);
    tok_json_end(&j);
    return tok_buf_ok(&body) ? tok_admin_command(a, "POST", "/admin/keys/rotate",
                                                 tok_buf_span(&body), print_rotated)
                             : tok_fail(TOK_ERR_TOO_LARGE, NULL);
}

static void print_revoked(const struct tok_json *answer)
{
    tok_span kid = TOK_LIT("?"), signer;
    bool dry_run = false, end_sessions = false;
    int64_t sessions = 0;
    (void)tok_json_str(tok_json_get(answer, "kid"), &kid);
    (void)tok_json_bool(tok_json_get(answer, "dry_run"), &dry_run);
    (void)tok_json_bool(tok_json_get(answer, "end_sessions"), &end_sessions);
    (void)tok_json_i64(tok_json_get(answer, "sessions"), &sessions);
    printf("key %.*s %s: its tokens %s refused everywhere\n", (int)kid.len, kid.ptr,
           dry_run ? "would be revoked" : "is revoked", dry_run ? "would be" : "are");
    if (tok_json_str(tok_json_get(answer, "signing_kid"), &signer))
        printf("key %.*s signs\n", (int)signer.len, signer.ptr);
    printf("%lld living sessions may hold tokens of it, and %s\n", (long long)sessions,
           end_sessions ? (dry_run ? "would end" : "have ended") : "go on with their next refresh");
    tok_print_table(tok_json_get(answer, "clients"), "client_id sessions");
}

static void revoke_body(const struct tok_args *a, struct tok_buf *body)
{
    struct tok_json_out j = tok_json_out(body);
    tok_json_object(&j);
    tok_json_member_bool(&j, "dry_run", a->given[TOK_FLAG_DRY_RUN] != 0);
    tok_json_member_bool(&j, "end_sessions", a->given[TOK_FLAG_END_SESSIONS] != 0);
    tok_put_reason(a, &j);
    tok_json_end(&j);
}

int tok_cmd_key_revoke(struct tok_args *a)
{
    char path_room[1024], body_room[4096];
    struct tok_buf path = TOK_BUF_ON(path_room), body = TOK_BUF_ON(body_room);
    tok_admin_path(&path, "/admin/keys/", a->operand, "/revoke");
    revoke_body(a, &body);
    return tok_buf_ok(&path) && tok_buf_ok(&body)
               ? tok_admin_command(a, "POST", path.ptr, tok_buf_span(&body), print_revoked)
               : tok_fail(TOK_ERR_TOO_LARGE, NULL);
}

/* ---- another master key ---- */

static void print_rewrapped(const struct tok_json *answer)
{
    tok_span id = TOK_LIT("?"), next = TOK_LIT("");
    int64_t rows = 0;
    (void)tok_json_str(tok_json_get(answer, "master_key_id"), &id);
    (void)tok_json_str(tok_json_get(answer, "next"), &next);
    (void)tok_json_i64(tok_json_get(answer, "rows"), &rows);
    printf("%lld rows sealed anew under master key %.*s\n%.*s\n", (long long)rows, (int)id.len,
           id.ptr, (int)next.len, next.ptr);
}

/* A rewrap that was interrupted has left everything under one of two keys. When it is not the one that the
 * configuration names, it may be the one that was to come: say so. */
static bool opens_with(struct tok_args *a, const char *file)
{
    char set[PATH_MAX + 32];
    struct tok_why why = {0};
    char *room = malloc(TOK_REPLY_MAX);
    if (!room || a->source.sets_count >= TOK_REPEATS_MAX) {
        free(room);
        return false;
    }
    struct tok_buf out = tok_buf_on(room, TOK_REPLY_MAX);
    snprintf(set, sizeof set, "master_key_file=%s", file);
    a->sets[a->source.sets_count++] = set;
    bool opens = tok_admin_call(a, "GET", "/admin/keys", TOK_NONE, &out, &why) == TOK_OK;
    a->source.sets_count--;
    free(room);
    return opens;
}

static int rewrap(struct tok_args *a, const char *file)
{
    char body_room[2 * PATH_MAX + 2048], answer_room[4096];
    struct tok_buf body = TOK_BUF_ON(body_room), out = TOK_BUF_ON(answer_room);
    struct tok_json_out j = tok_json_out(&body);
    struct tok_why why = {0};
    tok_json_object(&j);
    tok_json_member_str(&j, "new_master_key_file", tok_span_str(file));
    tok_put_reason(a, &j);
    tok_json_end(&j);
    if (!tok_buf_ok(&body))
        return tok_fail(TOK_ERR_TOO_LARGE, NULL);
    tok_err err = tok_admin_call(a, "POST", "/admin/keys/rewrap", tok_buf_span(&body), &out, &why);
    if (err == TOK_ERR_CORRUPT && opens_with(a, file)) {
        why = (struct tok_why){0};
        (void)tok_why_set(
            &why, err, "everything is sealed under %s already: name it as master_key_file", file);
    }
    if (err == TOK_OK)
        err = tok_admin_show(a, tok_buf_span(&out), print_rewrapped, &why);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
}

int tok_cmd_key_rewrap(struct tok_args *a)
{
    char file[PATH_MAX];
    struct tok_why why = {0};
    const char *given = a->value[TOK_FLAG_NEW_MASTER_KEY_FILE];
    if (given && realpath(given, file))
        return rewrap(a, file);
    return tok_fail(
        tok_why_set(&why, TOK_ERR_INVALID_REQUEST, "%s%s%s",
                    given ? "--new-master-key-file " : "give --new-master-key-file FILE",
                    given ? given : "", given ? ": there is no such file" : ""),
        &why);
}

/* ---- import ---- */

static tok_err import_body(struct tok_args *a, struct tok_buf *body, struct tok_why *why)
{
    char room[KEY_FILE_MAX];
    struct tok_buf text = TOK_BUF_ON(room);
    struct tok_json_out j = tok_json_out(body);
    uint64_t until = 0;
    if (a->given[TOK_FLAG_UNTIL] &&
        (!tok_span_u64(tok_span_str(a->value[TOK_FLAG_UNTIL]), &until) || until > INT64_MAX))
        return tok_why_set(why, TOK_ERR_INVALID_REQUEST, "--until takes seconds since 1970");
    tok_err err = tok_read_file(a->operand, &text, why);
    tok_json_object(&j);
    tok_json_member_bool(&j, "activate", a->given[TOK_FLAG_ACTIVATE] != 0);
    tok_json_member_i64(&j, "until", (int64_t)until);
    tok_put_reason(a, &j);
    bool is_pem = tok_span_starts(tok_buf_span(&text), TOK_LIT("-----BEGIN "));
    tok_json_member_str(&j, is_pem ? "pem" : "jwk", err == TOK_OK ? tok_buf_span(&text) : TOK_NONE);
    tok_json_end(&j);
    explicit_bzero(room, sizeof room);
    return err;
}

int tok_cmd_key_import(struct tok_args *a)
{
    struct tok_why why = {0};
    char *room = malloc(2 * KEY_FILE_MAX);
    if (!room)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    struct tok_buf body = tok_buf_on(room, 2 * KEY_FILE_MAX);
    tok_err err = import_body(a, &body, &why);
    int code = err == TOK_OK ? tok_admin_command(a, "POST", "/admin/keys/import",
                                                 tok_buf_span(&body), tok_print_object)
                             : tok_fail(err, &why);
    explicit_bzero(room, 2 * KEY_FILE_MAX);
    free(room);
    return code;
}

/* ---- export: the JWKS without asking the daemon's public side ---- */

static void print_jwk(const struct tok_json *jwk, struct tok_json_out *j)
{
    tok_span name, value;
    const struct tok_json *member;
    tok_json_object(j);
    for (size_t i = 0; tok_json_member(jwk, i, &name, &member); i++) {
        char key[32];
        snprintf(key, sizeof key, "%.*s", (int)name.len, name.ptr);
        if (tok_json_str(member, &value))
            tok_json_member_str(j, key, value);
    }
    tok_json_end(j);
}

static bool is_live(const struct tok_json *key)
{
    tok_span state = TOK_LIT("");
    return tok_json_str(tok_json_get(key, "state"), &state) &&
           !tok_span_eq(state, TOK_LIT("retired")) && !tok_span_eq(state, TOK_LIT("revoked"));
}

/* One page of them; `ret_next` is where the next one begins, or empty. */
static tok_err export_page(tok_span answer, struct tok_json_out *j, struct tok_buf *ret_next,
                           struct tok_why *why)
{
    tok_json_auto *parsed = NULL;
    tok_span next = TOK_LIT("");
    TOK_TRY(tok_json_parse(answer, &parsed, why));
    const struct tok_json *keys = tok_json_get(parsed, "keys");
    for (size_t i = 0; i < tok_json_count(keys); i++) {
        const struct tok_json *jwk = tok_json_get(tok_json_at(keys, i), "public_jwk");
        if (jwk && is_live(tok_json_at(keys, i)))
            print_jwk(jwk, j);
    }
    (void)tok_json_str(tok_json_get(parsed, "next"), &next);
    *ret_next = tok_buf_on(ret_next->ptr, ret_next->cap);
    tok_buf_put(ret_next, next);
    tok_buf_putc(ret_next, 0);
    return TOK_OK;
}

/* The living ones are the newest, at the end of the list. */
static tok_err export(struct tok_args *a, struct tok_buf *answer, struct tok_buf *out,
                      struct tok_why *why)
{
    char path_room[512], next_room[256] = "";
    struct tok_buf next = TOK_BUF_ON(next_room);
    struct tok_json_out j = tok_json_out(out);
    tok_json_object(&j);
    tok_json_key(&j, "keys");
    tok_json_array(&j);
    do {
        struct tok_buf path = TOK_BUF_ON(path_room);
        *answer = tok_buf_on(answer->ptr, answer->cap);
        tok_admin_path(&path, next_room[0] ? "/admin/keys?after=" : "/admin/keys", next_room, "");
        TOK_TRY(tok_admin_call(a, "GET", path.ptr, TOK_NONE, answer, why));
        TOK_TRY(export_page(tok_buf_span(answer), &j, &next, why));
    } while (tok_buf_ok(&next) && next_room[0]);
    tok_json_end(&j);
    tok_json_end(&j);
    return tok_buf_ok(out) && tok_buf_ok(&next) ? TOK_OK : TOK_ERR_TOO_LARGE;
}

int tok_cmd_key_export(struct tok_args *a)
{
    struct tok_why why = {0};
    char *room = malloc(2 * TOK_REPLY_MAX);
    if (!room)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    struct tok_buf answer = tok_buf_on(room, TOK_REPLY_MAX),
                   out = tok_buf_on(room + TOK_REPLY_MAX, TOK_REPLY_MAX);
    tok_err err = export(a, &answer, &out, &why);
    if (err == TOK_OK)
        printf("%.*s\n", (int)out.len, out.ptr);
    free(room);
    return err == TOK_OK ? tok_finish_output() : tok_fail(err, &why);
}
