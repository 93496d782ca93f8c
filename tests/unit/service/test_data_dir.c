/* One folder, one writer; a folder that others can enter is refused, not changed. */
#include "service/data_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "temp_dir.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void assert_one_line(const struct tok_why *why, const char *part)
{
    assert_null(strchr(why->text, '\n'));
    if (!strstr(why->text, part))
        fail_msg("%s: %s", part, why->text);
}

static tok_err open_it(const struct temp_path *path, bool create, struct tok_why *why)
{
    struct tok_data_dir d;
    *why = (struct tok_why){0};
    tok_err err = tok_data_dir_open(path->s, create, &d, why);
    if (err == TOK_OK)
        tok_data_dir_close(&d);
    return err;
}

static void a_new_folder_is_ours_alone(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct temp_path path = temp_dir_path(&t, "data");
    struct tok_why why;
    mode_t before = umask(0);
    assert_int_equal(open_it(&path, false, &why), TOK_ERR_CONFIG);
    assert_one_line(&why, "tokend init --data");
    assert_int_equal(open_it(&path, true, &why), TOK_OK);
    umask(before);
    assert_mode(&t, "data", 0700);
    assert_mode(&t, "data/lock", 0600);
    assert_int_equal(open_it(&path, true, &why), TOK_OK); /* and again */
    assert_int_equal(open_it(&path, false, &why), TOK_OK);
    temp_dir_remove(&t);
}

static void a_folder_that_others_can_enter_is_refused(void **state)
{
    static const mode_t modes[] = {0750, 0705, 0710, 0701, 0777, 0704, 0720};
    struct temp_dir t = temp_dir_make();
    struct temp_path path = temp_dir_path(&t, "data");
    struct tok_why why;
    assert_int_equal(mkdir(path.s, 0700), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path.s, modes[i]), 0);
        assert_int_equal(open_it(&path, true, &why), TOK_ERR_CONFIG);
        assert_one_line(&why, "chmod 700");
        assert_mode(&t, "data", modes[i]);
    }
    assert_false(temp_dir_has(&t, "data/lock"));
    temp_dir_remove(&t);
}

static void what_is_no_folder_is_refused(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct tok_why why;
    temp_dir_write(&t, "file", "", 0, 0600);
    struct temp_path file = temp_dir_path(&t, "file"), below = temp_dir_path(&t, "file/data"),
                     deep = temp_dir_path(&t, "a/b/c");
    assert_int_equal(open_it(&file, true, &why), TOK_ERR_CONFIG);
    assert_one_line(&why, "not a folder");
    assert_int_equal(open_it(&below, true, &why), TOK_ERR_CONFIG);
    assert_int_equal(open_it(&deep, true, &why), TOK_ERR_CONFIG);
    assert_one_line(&why, "cannot be made");
    temp_dir_remove(&t);
}

/* Needs another user's folder, which only root can make. */
static void another_users_folder_is_refused(void **state)
{
    if (geteuid() != 0)
        skip();
    struct temp_dir t = temp_dir_make();
    struct temp_path path = temp_dir_path(&t, "data");
    struct tok_why why;
    assert_int_equal(mkdir(path.s, 0700), 0);
    assert_int_equal(chown(path.s, 12345, (gid_t)-1), 0);
    assert_int_equal(open_it(&path, true, &why), TOK_ERR_CONFIG);
    assert_one_line(&why, "belongs to uid 12345");
    temp_dir_remove(&t);
}

static void the_lock_cannot_be_a_folder(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct temp_path lock = temp_dir_path(&t, "lock"), path = temp_dir_path(&t, ".");
    struct tok_why why;
    assert_int_equal(mkdir(lock.s, 0700), 0);
    assert_int_equal(open_it(&path, false, &why), TOK_ERR_CONFIG);
    assert_one_line(&why, "lock file");
    temp_dir_remove(&t);
}

static void paths_have_an_end(void **state)
{
    static char path[TOK_PATH_MAX + 1], out[TOK_PATH_MAX];
    static struct tok_data_dir d;
    struct tok_why why = {0};
    memset(path, 'x', TOK_PATH_MAX);
    assert_int_equal(tok_data_dir_open(path, true, &d, &why), TOK_ERR_CONFIG);
    memset(d.path, 'x', sizeof d.path - 1);
    assert_int_equal(tok_data_dir_file(&d, "lock", out), TOK_ERR_CONFIG);
    d.path[TOK_PATH_MAX - 6] = 0;
    assert_int_equal(tok_data_dir_file(&d, "lock", out), TOK_OK);
    assert_int_equal(strlen(out), TOK_PATH_MAX - 1);
    assert_int_equal(tok_data_dir_file(&d, "lock2", out), TOK_ERR_CONFIG);
}

/* ---- the lock ---- */

static void the_second_is_refused_until_the_first_is_done(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct temp_path path = temp_dir_path(&t, ".");
    struct tok_data_dir first;
    struct tok_why why = {0};
    assert_int_equal(tok_data_dir_open(path.s, false, &first, &why), TOK_OK);
    assert_int_equal(open_it(&path, false, &why), TOK_ERR_BUSY);
    assert_one_line(&why, "in use by another tokend");
    tok_data_dir_close(&first);
    tok_data_dir_close(&first); /* twice is once */
    assert_int_equal(open_it(&path, false, &why), TOK_OK);
    temp_dir_remove(&t);
}

/* No pid file, nothing stale: the lock dies with its process, however that dies. */
static void the_lock_dies_with_its_process(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct temp_path path = temp_dir_path(&t, ".");
    struct tok_why why;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct tok_data_dir d;
        _exit(tok_data_dir_open(path.s, false, &d, NULL) == TOK_OK ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(open_it(&path, false, &why), TOK_OK);
    temp_dir_remove(&t);
}

/* ---- who has it ---- */

static int serve_socket(const struct temp_dir *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/admin.sock", t->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void a_daemon_that_answers_is_reached(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct tok_data_dir holder, other = {.lock_fd = -1};
    struct tok_why why = {0};
    int fd = -1;
    assert_int_equal(tok_data_dir_connect(t.path), -1);
    assert_int_equal(tok_data_dir_open(t.path, false, &holder, &why), TOK_OK);
    int server = serve_socket(&t);
    assert_int_equal(tok_data_dir_reach(t.path, false, &other, &fd, &why), TOK_OK);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(tok_data_dir_take(t.path, false, &other, &why), TOK_ERR_BUSY);
    assert_one_line(&why, "in use");
    tok_data_dir_close(&holder);
    assert_int_equal(close(server), 0);
    assert_int_equal(tok_data_dir_connect(t.path), -1); /* a stale socket is nobody */
    temp_dir_remove(&t);
}

static void a_free_folder_is_taken(void **state)
{
    struct temp_dir t = temp_dir_make();
    struct tok_data_dir d;
    struct tok_why why = {0};
    int fd = 0;
    assert_int_equal(tok_data_dir_reach(t.path, false, &d, &fd, &why), TOK_OK);
    assert_int_equal(fd, -1);
    tok_data_dir_close(&d);
    assert_int_equal(tok_data_dir_take(t.path, false, &d, &why), TOK_OK);
    tok_data_dir_close(&d);
    struct temp_path none = temp_dir_path(&t, "none");
    assert_int_equal(tok_data_dir_take(none.s, false, &d, &why), TOK_ERR_CONFIG);
    assert_int_equal(tok_data_dir_connect(none.s), -1);
    temp_dir_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_folder_is_ours_alone),
        cmocka_unit_test(a_folder_that_others_can_enter_is_refused),
        cmocka_unit_test(what_is_no_folder_is_refused),
        cmocka_unit_test(another_users_folder_is_refused),
        cmocka_unit_test(the_lock_cannot_be_a_folder),
        cmocka_unit_test(paths_have_an_end),
        cmocka_unit_test(the_second_is_refused_until_the_first_is_done),
        cmocka_unit_test(the_lock_dies_with_its_process),
        cmocka_unit_test(a_daemon_that_answers_is_reached),
        cmocka_unit_test(a_free_folder_is_taken),
    };
    return cmocka_run_group_tests_name("service/data_dir", tests, NULL, NULL);
}
