/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/bench/sockets.c -- the same messages over real TCP sockets and simulated.
 *
 * Linux network namespaces at a bridge, each behind a NIC that `tc tbf` holds to a rate in each
 * direction, are the star that the simulator has; processes in them exchange bytes.
 * Acknowledgements go before data, as in the fair queues of a real NIC (in one queue with it,
 * patterns that send both ways took 15 to 40 % longer); the rate is low, for the processes to keep
 * up. Needs root, ip and tc. Prints CSV: seconds of the last rank, the median of some runs, and of
 * the simulation.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/helpers/machine.h"

enum { RANKS = 4, RUNS = 5, MEGABITS = 20, BYTES = 2000000, PORT = 7000 };

enum pattern { PUSH, PUSH_TO_ALL, INCAST, GOSSIP, RING, PATTERNS };
static const char *const pattern_names[PATTERNS] = {"one rank to one", "one rank to three",
                                                    "three ranks to one", "each rank to the next",
                                                    "ring all-reduce"};

/* Who sends to whom in a step of a pattern that is not the ring. */
static bool
sends(enum pattern pattern, size_t from, size_t to)
{
    switch (pattern) {
    case PUSH:
        return from == 0 && to == 1;
    case PUSH_TO_ALL:
        return from == 0 && to != 0;
    case INCAST:
        return to == 0 && from != 0;
    default:
        return to == (from + 1) % RANKS;
    }
}

/* ---- sockets ---- */

struct shared {
    pthread_barrier_t barrier;
    double seconds[PATTERNS][RUNS][RANKS];
};

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
must(bool done, const char *what)
{
    if (!done) {
        perror(what);
        exit(1);
    }
}

struct links {
    int out[RANKS], in[RANKS]; /* sockets */
};

/* Sends out[r] bytes to each rank and takes in in[r], all at once. */
static void
exchange(const struct links *links, const size_t *out, const size_t *in)
{
    static char buffer[1 << 16];
    struct pollfd polls[2 * RANKS];
    size_t left[2 * RANKS], open;
    memcpy(left, out, RANKS * sizeof *left);
    memcpy(left + RANKS, in, RANKS * sizeof *left);
    for (;;) {
        open = 0;
        for (size_t i = 0; i < 2 * RANKS; i++) {
            const int fd = i < RANKS ? links->out[i] : links->in[i - RANKS];
            polls[i] = (struct pollfd){.fd = left[i] > 0 ? fd : -1,
                                       .events = i < RANKS ? POLLOUT : POLLIN};
            open += left[i] > 0;
        }
        if (open == 0)
            return;
        must(poll(polls, 2 * RANKS, -1) > 0, "poll");
        for (size_t i = 0; i < 2 * RANKS; i++) {
            const size_t most = left[i] < sizeof buffer ? left[i] : sizeof buffer;
            if (most == 0 || polls[i].revents == 0)
                continue;
            ssize_t done = i < RANKS ? send(polls[i].fd, buffer, most, MSG_DONTWAIT)
                                     : recv(polls[i].fd, buffer, most, MSG_DONTWAIT);
            must(done > 0 || errno == EAGAIN, "send or receive");
            left[i] -= done > 0 ? (size_t)done : 0;
        }
    }
}

static void
play(enum pattern pattern, size_t rank, const struct links *links)
{
    const size_t steps = pattern == RING ? 2 * (RANKS - 1) : 1;
    for (size_t i = 0; i < steps; i++) {
        size_t out[RANKS] = {0}, in[RANKS] = {0};
        for (size_t r = 0; r < RANKS; r++) {
            size_t bytes = pattern == RING ? BYTES / RANKS : BYTES;
            out[r] = sends(pattern, rank, r) ? bytes : 0;
            in[r] = sends(pattern, r, rank) ? bytes : 0;
        }
        exchange(links, out, in);
    }
}

static struct sockaddr_in
address_of(size_t rank)
{
    char text[32];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    snprintf(text, sizeof text, "10.9.0.%zu", rank + 1);
    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

static void
set_option(int fd, int level, int name, int value)
{
    must(setsockopt(fd, level, name, &value, sizeof value) == 0, "setsockopt");
}

/* A connection each way to each other rank: out to send on, in to receive on, whose
 * acknowledgements go before the data of the other in the NIC's queue. */
static void
connect_all(struct shared *shared, size_t rank, int *out, int *in)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in mine = address_of(rank);
    must(bind(listener, (struct sockaddr *)&mine, sizeof mine) == 0, "bind");
    must(listen(listener, RANKS) == 0, "listen");
    pthread_barrier_wait(&shared->barrier);
    for (size_t r = 0; r < RANKS; r++) {
        unsigned char who = (unsigned char)rank;
        if (r == rank)
            continue;
        struct sockaddr_in theirs = address_of(r);
        out[r] = socket(AF_INET, SOCK_STREAM, 0);
        must(connect(out[r], (struct sockaddr *)&theirs, sizeof theirs) == 0, "connect");
        must(write(out[r], &who, 1) == 1, "write");
        set_option(out[r], IPPROTO_TCP, TCP_NODELAY, 1);
    }
    for (size_t i = 0; i + 1 < RANKS; i++) {
        unsigned char who;
        int fd = accept(listener, NULL, NULL);
        must(fd >= 0 && read(fd, &who, 1) == 1 && who < RANKS, "accept");
        set_option(fd, IPPROTO_IP, IP_TOS, IPTOS_LOWDELAY);
        in[who] = fd;
    }
}

static void
rank_main(struct shared *shared, size_t rank)
{
    char path[64];
    struct links links;
    snprintf(path, sizeof path, "/run/netns/r%zu", rank);
    int space = open(path, O_RDONLY);
    must(space >= 0 && setns(space, CLONE_NEWNET) == 0, path);
    connect_all(shared, rank, links.out, links.in);
    for (enum pattern pattern = 0; pattern < PATTERNS; pattern++)
        for (size_t run = 0; run < RUNS; run++) {
            pthread_barrier_wait(&shared->barrier);
            double begin = now();
            play(pattern, rank, &links);
            shared->seconds[pattern][run][rank] = now() - begin;
            pthread_barrier_wait(&shared->barrier);
            usleep(100000); /* the shaper's bucket fills again, queues run dry */
        }
    exit(0);
}

/* False where the machine does not let us. */
static bool
make_network(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) != 0 ||
        system("ip link add br0 type bridge && ip link set br0 up") != 0)
        return false;
    for (size_t r = 0; r < RANKS; r++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "set -e; r=%zu; shape='root handle 1: tbf rate %dmbit burst 16k latency 200ms'\n"
                 "first='parent 1:1 pfifo_fast'\n"
                 "ip netns add r$r\n"
                 "ip link add v$r type veth peer name e$r\n"
                 "ip link set e$r netns r$r\n"
                 "ip link set v$r master br0 up\n"
                 "ip netns exec r$r ip address add 10.9.0.%zu/24 dev e$r\n"
                 "ip netns exec r$r ip link set e$r up\n"
                 "tc qdisc add dev v$r $shape\n"
                 "ip netns exec r$r tc qdisc add dev e$r $shape\n"
                 "ip netns exec r$r tc qdisc add dev e$r $first\n",
                 r, MEGABITS, r + 1);
        if (system(text) != 0)
            return false;
    }
    return true;
}

/* ---- simulated ---- */

static enum sm_status
simulated(struct sm_comm *comm, const void *in, void *out)
{
    const enum pattern *pattern = in;
    double *end = out;
    float x[RANKS] = {0};
    if (*pattern == RING)
        SM_TRY(sm_comm_average(comm, x, RANKS));
    for (size_t r = 0; *pattern != RING && r < RANKS; r++)
        if (sends(*pattern, comm->rank, r))
            SM_TRY(machine_send(comm, r, RANKS, 1));
    struct sm_parcel *parcels[RANKS];
    struct sm_request *requests[RANKS] = {NULL};
    for (size_t r = 0; *pattern != RING && r < RANKS; r++)
        if (sends(*pattern, r, comm->rank))
            SM_TRY(comm->ops->irecv(comm, r, &parcels[r], &requests[r]));
    for (size_t r = 0; r < RANKS; r++)
        SM_TRY(comm->ops->wait(comm, &requests[r]));
    *end = comm->ops->now(comm) > *end ? comm->ops->now(comm) : *end;
    return SM_OK;
}

static int
by_size(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

static double
median_of_the_last(double (*seconds)[RANKS])
{
    double last[RUNS] = {0};
    for (size_t run = 0; run < RUNS; run++)
        for (size_t r = 0; r < RANKS; r++)
            last[run] = seconds[run][r] > last[run] ? seconds[run][r] : last[run];
    qsort(last, RUNS, sizeof *last, by_size);
    return last[RUNS / 2];
}

int
main(void)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t attribute;
    if (shared == MAP_FAILED || !make_network()) {
        fprintf(stderr, "skipped: needs root, network namespaces, ip and tc\n");
        return 0;
    }
    pthread_barrierattr_init(&attribute);
    pthread_barrierattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &attribute, RANKS);
    for (size_t r = 0; r < RANKS; r++)
        if (fork() == 0)
            rank_main(shared, r);
    for (size_t r = 0; r < RANKS; r++) {
        int status;
        must(wait(&status) > 0 && status == 0, "a rank");
    }
    printf("pattern,ranks,bytes,megabits,seconds_sockets,seconds_simulated,simulated_to_sockets\n");
    for (enum pattern pattern = 0; pattern < PATTERNS; pattern++) {
        double end = 0, real = median_of_the_last(shared->seconds[pattern]);
        char edits[64];
        snprintf(edits, sizeof edits, "{bandwidth: {'*': %dMbps}}", MEGABITS);
        const struct machine machine = {.platform = "star_4",
                                        .edits = edits,
                                        .exact = true,
                                        .wire_scale = (double)BYTES / (4 * RANKS),
                                        .program = simulated,
                                        .in = &pattern};
        must(machine_run(&machine, &end, sizeof end, NULL) == SM_OK, "the simulated machine");
        printf("%s,%d,%d,%d,%.4f,%.4f,%.4f\n", pattern_names[pattern], RANKS, BYTES, MEGABITS, real,
               end, end / real);
    }
    return 0;
}
