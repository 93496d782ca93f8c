/* tests/bench/common.h: what the programs of the benchmark share: clocks, percentiles, and HTTP connections
 * that do not wait. One thread each unless a file says otherwise. Whatever fails ends the program with a
 * line: a benchmark that went on would print a wrong figure. */
#ifndef TOK_BENCH_COMMON_H
#define TOK_BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void die(const char *what) __attribute__((noreturn));
/* The n-th argument as a number from 1 on, or death. */
uint64_t number(char **argv, int n);

int64_t now_ns(void);        /* monotonic */
int64_t thread_cpu_ns(void); /* of this thread, user and system */

/* Samples in microseconds, as many as come. */
struct samples {
    double *us;
    size_t count, cap;
};
void sample(struct samples *s, int64_t took_ns);
/* Prints {"count":..,"p50_us":..,"p99_us":..,"max_us":..}; sorts. */
void print_samples(struct samples *s);

/* ---- one connection to 127.0.0.1 ---- */

struct wire {
    int fd;
    char in[16 * 1024]; /* one answer, NUL-terminated */
    size_t in_len;
    int64_t due_ns; /* the caller's: when the request on it was to be sent */
};
void wire_open(struct wire *w, uint16_t port, int epoll);
/* The whole request must fit into the socket's buffer, as small ones do. */
void wire_send(struct wire *w, const char *bytes, size_t len);
/* After epoll has said that there is something: the status when the answer is complete, else 0. The answer
 * stays in w->in until the next send. */
int wire_read(struct wire *w);
/* Copies the string member of the answer's JSON body into `ret`, or dies. */
void wire_member(const struct wire *w, const char *name, char *ret, size_t room);

#endif
