/* tests/bench/raw_sign.c: what one Ed25519 signature over the bytes of an access token costs, made and
 * verified, by libsodium alone. CPU time of one thread, so that other work on the machine does not count.
 *
 *   raw_sign MILLISECONDS */
#include "common.h"

#include <sodium.h>
#include <stdio.h>

static unsigned char message[420]; /* header and claims of an access token, in base64url */
static unsigned char signature[crypto_sign_BYTES];
static unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
static unsigned char secret_key[crypto_sign_SECRETKEYBYTES];

static int sign(void)
{
    return crypto_sign_detached(signature, NULL, message, sizeof message, secret_key);
}

static int verify(void)
{
    return crypto_sign_verify_detached(signature, message, sizeof message, public_key);
}

static double cost_us(int (*work)(void), int64_t run_ns)
{
    int64_t start_ns = thread_cpu_ns(), took_ns;
    uint64_t times = 0;
    do {
        if (work() != 0)
            die("signature");
        times++;
        took_ns = thread_cpu_ns() - start_ns;
    } while (took_ns < run_ns);
    return (double)took_ns / 1000 / (double)times;
}

int main(int argc, char **argv)
{
    int64_t run_ns = (int64_t)number(argv, 1) * 500000; /* half for each */
    if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret_key) != 0)
        die("start");
    randombytes_buf(message, sizeof message);
    double sign_us = cost_us(sign, run_ns);
    double verify_us = cost_us(verify, run_ns);
    printf("{\"sign_us\":%.2f,\"verify_us\":%.2f}\n", sign_us, verify_us);
    return 0;
}
