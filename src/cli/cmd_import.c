/* cli/cmd_import.c: tokend user import FILE. First every user is asked about, then all are taken in, batch by
 * batch: with one mistake in the file nothing is. What is there already stays as it is, so that an import that was
 * interrupted is run again as it was. */
#include "cli/command.h"
#include "cli/import_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/admin/users/import"
#define BATCH_BYTES_MAX (48 * 1024) /* what the daemon copies of one request */
#define BATCH_USERS_MAX 500
#define BATCH_FRAME 64 /* the braces around the users */
#define SCHEMES_MAX 16

struct scheme {
    char name[32], worst[64];
    int64_t users, work, ms; /* ms -1: not known */
};

struct import {
    struct tok_import_list list;
    struct tok_admin_link *link;
    struct tok_buf body, out;
    int64_t fresh, added, unchanged; /* fresh: would be added, when all were asked about */
    struct scheme schemes[SCHEMES_MAX];
    size_t schemes_count;
};

/* ---- what a batch's answer says ---- */

static tok_err strange_answer(struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_IO, "the daemon's answer is not understood");
}

static void keep_text(char *to, size_t cap, tok_span text)
{
    snprintf(to, cap, "%.*s", (int)text.len, text.ptr);
}

static struct scheme *scheme_of(struct import *im, tok_span name)
{
    struct scheme *s = im->schemes;
    while (s < im->schemes + im->schemes_count && !tok_span_eq(name, tok_span_str(s->name)))
        s++;
    if (s == im->schemes + im->schemes_count && im->schemes_count < SCHEMES_MAX) {
        im->schemes_count++;
        *s = (struct scheme){.work = -1, .ms = -1};
        keep_text(s->name, sizeof s->name, name);
    }
    return s < im->schemes + im->schemes_count ? s : NULL;
}

static tok_err take_scheme(struct import *im, const struct tok_json *row, struct tok_why *why)
{
    tok_span name, worst;
    int64_t users, work, ms = -1;
    struct scheme *s;
    if (!tok_json_str(tok_json_get(row, "scheme"), &name) ||
        !tok_json_str(tok_json_get(row, "worst"), &worst) ||
        !tok_json_i64(tok_json_get(row, "users"), &users) ||
        !tok_json_i64(tok_json_get(row, "worst_work"), &work) || !(s = scheme_of(im, name)))
        return strange_answer(why);
    (void)tok_json_i64(tok_json_get(row, "worst_ms"), &ms);
    s->users += users;
    if (work > s->work) {
        s->work = work;
        s->ms = ms;
        keep_text(s->worst, sizeof s->worst, worst);
    }
    return TOK_OK;
}

/* Rows of the batch that begins with `first`. */
static tok_err take_notes(struct import *im, const struct tok_json *rows, size_t first,
                          enum tok_import_note_kind kind, struct tok_why *why)
{
    for (size_t i = 0; i < tok_json_count(rows); i++) {
        const struct tok_json *row = tok_json_at(rows, i);
        tok_span field, reason = TOK_LIT("is there already, and different: left as it is");
        int64_t index;
        if (!tok_json_i64(tok_json_get(row, "index"), &index) || index < 0 ||
            first + (size_t)index >= im->list.rows.count ||
            !tok_json_str(tok_json_get(row, "field"), &field))
            return strange_answer(why);
        (void)tok_json_str(tok_json_get(row, "reason"), &reason);
        unsigned line = tok_import_row_at(&im->list, first + (size_t)index)->line;
        TOK_TRY(tok_import_note(&im->list, kind, line, field, reason));
    }
    return TOK_OK;
}

static tok_err take_survey(struct import *im, const struct tok_json *answer, size_t first,
                           struct tok_why *why)
{
    int64_t added, unchanged;
    if (!tok_json_i64(tok_json_get(answer, "added"), &added) ||
        !tok_json_i64(tok_json_get(answer, "unchanged"), &unchanged))
        return strange_answer(why);
    im->fresh += added;
    im->unchanged += unchanged;
    TOK_TRY(take_notes(im, tok_json_get(answer, "different"), first, TOK_NOTE_DIFFERENT, why));
    TOK_TRY(take_notes(im, tok_json_get(answer, "refused"), first, TOK_NOTE_REFUSED, why));
    const struct tok_json *schemes = tok_json_get(answer, "schemes");
    for (size_t i = 0; i < tok_json_count(schemes); i++)
        TOK_TRY(take_scheme(im, tok_json_at(schemes, i), why));
    return TOK_OK;
}

static tok_err take_added(struct import *im, const struct tok_json *answer, size_t first,
                          struct tok_why *why)
{
    int64_t added;
    if (!tok_json_i64(tok_json_get(answer, "added"), &added))
        return strange_answer(why);
    im->added += added;
    return TOK_OK;
}

/* ---- batches ---- */

/* As many users from `first` on as one request takes, at least one; returns the one behind them. */
static size_t fill_batch(struct import *im, size_t first, bool dry_run)
{
    struct tok_json_out j = tok_json_out(&im->body);
    size_t i = first, bytes = BATCH_FRAME;
    im->body.len = 0;
    tok_json_object(&j);
    tok_json_member_bool(&j, "dry_run", dry_run);
    tok_json_key(&j, "users");
    tok_json_array(&j);
    do {
        tok_span row = tok_import_row_text(&im->list, i);
        if (i != first && bytes + row.len + 1 > im->body.cap)
            break;
        bytes += row.len + 1;
        tok_json_put_raw(&j, row);
    } while (++i < im->list.rows.count && i - first < BATCH_USERS_MAX);
    tok_json_end(&j);
    tok_json_end(&j);
    return i;
}

typedef tok_err take_answer(struct import *im, const struct tok_json *answer, size_t first,
                            struct tok_why *why);

static tok_err ask(struct import *im, size_t first, take_answer *take, struct tok_why *why)
{
    tok_json_auto *answer = NULL;
    if (!tok_buf_ok(&im->body))
        return tok_why_set(why, TOK_ERR_TOO_LARGE,
                           "the user in line %u does not fit into a request",
                           tok_import_row_at(&im->list, first)->line);
    im->out.len = 0;
    TOK_TRY(tok_admin_ask(im->link, "POST", PATH, tok_buf_span(&im->body), &im->out, why));
    TOK_TRY(tok_json_parse(tok_buf_span(&im->out), &answer, why));
    return take(im, answer, first, why);
}

static tok_err each_batch(struct import *im, bool dry_run, take_answer *take, struct tok_why *why)
{
    for (size_t first = 0, next; first < im->list.rows.count; first = next) {
        next = fill_batch(im, first, dry_run);
        TOK_TRY(ask(im, first, take, why));
    }
    return TOK_OK;
}

/* ---- what the operator is told ---- */

static void print_notes(const struct import *im)
{
    for (size_t i = 0; i < im->list.notes.count; i++) {
        const struct tok_import_note *note = tok_import_note_at(&im->list, i);
        printf("line %u: %s%s%s\n", note->line, note->field, note->field[0] ? ": " : "",
               note->reason);
    }
}

static size_t count_notes(const struct import *im, enum tok_import_note_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < im->list.notes.count; i++)
        count += tok_import_note_at(&im->list, i)->kind == kind;
    return count;
}

static void print_report(const struct import *im, bool dry_run)
{
    print_notes(im);
    printf("users in the file: %zu\n", im->list.rows_read);
    printf("%s: %lld\n", dry_run ? "would be added" : "added",
           (long long)(dry_run ? im->fresh : im->added));
    printf("there already, unchanged: %lld\n", (long long)im->unchanged);
    printf("there already, different: %zu\n", count_notes(im, TOK_NOTE_DIFFERENT));
    printf("duplicates: %zu\n", count_notes(im, TOK_NOTE_DUPLICATE));
    printf("refused: %zu\n", count_notes(im, TOK_NOTE_REFUSED));
    for (size_t i = 0; i < im->schemes_count; i++) {
        const struct scheme *s = &im->schemes[i];
        printf("%s: %lld, worst %s", s->name, (long long)s->users, s->worst);
        if (s->ms >= 0)
            printf(" (about %lld ms here)", (long long)s->ms);
        putchar('\n');
    }
}

static void put_notes(struct tok_json_out *j, const struct import *im, const char *name,
                      enum tok_import_note_kind kind)
{
    tok_json_key(j, name);
    tok_json_array(j);
    for (size_t i = 0; i < im->list.notes.count; i++) {
        const struct tok_import_note *note = tok_import_note_at(&im->list, i);
        if (note->kind != kind)
            continue;
        tok_json_object(j);
        tok_json_member_i64(j, "line", note->line);
        tok_json_member_str(j, "field", tok_span_str(note->field));
        tok_json_member_str(j, "reason", tok_span_str(note->reason));
        tok_json_end(j);
    }
    tok_json_end(j);
}

static void put_schemes(struct tok_json_out *j, const struct import *im)
{
    tok_json_key(j, "schemes");
    tok_json_array(j);
    for (size_t i = 0; i < im->schemes_count; i++) {
        const struct scheme *s = &im->schemes[i];
        tok_json_object(j);
        tok_json_member_str(j, "scheme", tok_span_str(s->name));
        tok_json_member_i64(j, "users", s->users);
        tok_json_member_str(j, "worst", tok_span_str(s->worst));
        if (s->ms >= 0)
            tok_json_member_i64(j, "worst_ms", s->ms);
        tok_json_end(j);
    }
    tok_json_end(j);
}

static tok_err print_json(const struct import *im, bool dry_run)
{
    size_t cap = 8192 + im->list.notes.count * 2 * sizeof(struct tok_import_note);
    char *room = malloc(cap);
    if (!room)
        return TOK_ERR_NOMEM;
    struct tok_buf out = tok_buf_on(room, cap);
    struct tok_json_out j = tok_json_out(&out);
    tok_json_object(&j);
    tok_json_member_bool(&j, "dry_run", dry_run);
    tok_json_member_i64(&j, "users", (int64_t)im->list.rows_read);
    tok_json_member_i64(&j, "added", dry_run ? im->fresh : im->added);
    tok_json_member_i64(&j, "unchanged", im->unchanged);
    put_notes(&j, im, "different", TOK_NOTE_DIFFERENT);
    put_notes(&j, im, "duplicates", TOK_NOTE_DUPLICATE);
    put_notes(&j, im, "refused", TOK_NOTE_REFUSED);
    put_schemes(&j, im);
    tok_json_end(&j);
    bool ok = tok_buf_ok(&out);
    if (ok)
        printf("%.*s\n", (int)out.len, out.ptr);
    free(room);
    return ok ? TOK_OK : TOK_ERR_TOO_LARGE;
}

/* ---- the command ---- */

static tok_err add_all(struct import *im, struct tok_why *why)
{
    struct tok_why cause = {0};
    tok_err err = each_batch(im, false, take_added, &cause);
    if (err == TOK_OK)
        return TOK_OK;
    return tok_why_set(why, err,
                       "%s; %lld users were added before: run it again, they stay as they are",
                       cause.text[0] ? cause.text : tok_err_row(err)->text, (long long)im->added);
}

static tok_err refuse(const struct import *im, struct tok_why *why)
{
    return tok_why_set(why, TOK_ERR_INVALID_REQUEST,
                       "nothing was imported: %zu of %zu users cannot be taken as they are",
                       im->list.refused, im->list.rows_read);
}

static tok_err prepare(struct tok_args *a, struct import *im, struct tok_why *why)
{
    TOK_TRY(tok_import_read(a->operand, &im->list, why));
    TOK_TRY(tok_admin_open(a, &im->link, why));
    size_t cap = tok_admin_body_max(im->link);
    cap = cap < BATCH_BYTES_MAX ? cap : BATCH_BYTES_MAX;
    im->body = tok_buf_on(malloc(cap), cap);
    im->out = tok_buf_on(malloc(TOK_REPLY_MAX), TOK_REPLY_MAX);
    return im->body.ptr && im->out.ptr ? TOK_OK : TOK_ERR_NOMEM;
}

static tok_err import(struct tok_args *a, struct import *im, struct tok_why *why)
{
    bool dry_run = a->given[TOK_FLAG_DRY_RUN] != 0;
    TOK_TRY(prepare(a, im, why));
    TOK_TRY(each_batch(im, true, take_survey, why));
    tok_err err = TOK_OK;
    if (!dry_run && im->list.refused == 0)
        err = add_all(im, why);
    tok_import_sort_notes(&im->list);
    if (a->given[TOK_FLAG_JSON])
        TOK_TRY(print_json(im, dry_run));
    else
        print_report(im, dry_run);
    return err == TOK_OK && im->list.refused != 0 ? refuse(im, why) : err;
}

static void finish(struct import *im)
{
    tok_admin_close(&im->link);
    if (im->body.ptr)
        explicit_bzero(im->body.ptr, im->body.cap);
    free(im->body.ptr);
    free(im->out.ptr);
    tok_import_finish(&im->list);
}

int tok_cmd_user_import(struct tok_args *a)
{
    struct tok_why why = {0};
    struct import *im = calloc(1, sizeof *im);
    if (!im)
        return tok_fail(TOK_ERR_NOMEM, NULL);
    tok_err err = import(a, im, &why);
    finish(im);
    free(im);
    int code = tok_finish_output();
    return err == TOK_OK ? code : tok_fail(err, &why);
}
