/* tests/bench/raw_argon2.c: how many passwords the machine can verify in a second when it does nothing else:
 * threads with their own kept memory, at the default cost, as the hasher pool verifies them.
 *
 *   raw_argon2 THREADS MILLISECONDS */
#include "common.h"

#include "crypto/crypto.h"
#include "crypto/password.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const struct tok_argon2_cost cost = {.m_kib = 19456, .t = 2, .p = 1};
static const struct tok_password_ceiling ceiling = {.argon2 = {19456, 2, 1}};
static pthread_barrier_t at_once;
static uint64_t run_ns;

struct hasher {
    pthread_t thread;
    uint64_t hashes;
    int64_t took_ns;
};

static void verify(struct tok_lane *lane, tok_span phc)
{
    enum tok_password_verdict verdict;
    if (tok_password_verify(lane, phc, TOK_LIT("a password as long as most"), &ceiling, &verdict) !=
        TOK_OK)
        die("hash");
}

static void *run(void *arg)
{
    struct hasher *h = arg;
    struct tok_lane lane = {0};
    char room[TOK_PHC_MAX + 1];
    struct tok_buf phc = TOK_BUF_ON(room);
    tok_password_dummy(cost, &phc);
    if (tok_lane_init(&lane, tok_argon2_lane_bytes(cost)) != TOK_OK)
        die("lane");
    tok_lane_touch(&lane);
    verify(&lane, tok_buf_span(&phc));
    pthread_barrier_wait(&at_once);
    int64_t start_ns = now_ns();
    do {
        verify(&lane, tok_buf_span(&phc));
        h->hashes++;
        h->took_ns = now_ns() - start_ns;
    } while (h->took_ns < (int64_t)run_ns);
    tok_lane_finish(&lane);
    return NULL;
}

static double in_us(struct timeval t)
{
    return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

int main(int argc, char **argv)
{
    static struct hasher hashers[64];
    struct rusage before, after;
    uint64_t count = number(argv, 1), hashes = 0;
    double rate = 0;
    run_ns = number(argv, 2) * 1000000;
    if (count > COUNT(hashers) || tok_crypto_init() != TOK_OK ||
        pthread_barrier_init(&at_once, NULL, (unsigned)count + 1) != 0)
        die("start");
    for (uint64_t i = 0; i < count; i++)
        if (pthread_create(&hashers[i].thread, NULL, run, &hashers[i]) != 0)
            die("thread");
    pthread_barrier_wait(&at_once);
    (void)getrusage(RUSAGE_SELF, &before);
    for (uint64_t i = 0; i < count; i++) {
        pthread_join(hashers[i].thread, NULL);
        hashes += hashers[i].hashes;
        rate += (double)hashers[i].hashes * 1e9 / (double)hashers[i].took_ns;
    }
    (void)getrusage(RUSAGE_SELF, &after);
    printf("{\"per_s\":%.2f,\"user_us\":%.0f,\"system_us\":%.0f}\n", rate,
           (in_us(after.ru_utime) - in_us(before.ru_utime)) / (double)hashes,
           (in_us(after.ru_stime) - in_us(before.ru_stime)) / (double)hashes);
    return 0;
}
