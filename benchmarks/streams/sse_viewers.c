/* sse_viewers: opens many event streams on 127.0.0.1 and says what came over them, for less CPU than any server spends.

   sse_viewers PORT VIEWERS REQUESTS STAMPS STAMP_MARK ROW_MARK CONFLATES CHURN LIMIT_S

   REQUESTS    file of requests, each ended by a line "."; viewer i sends request i modulo their number
   STAMPS      file of SLOTS times (CLOCK_MONOTONIC, ns): slot v modulo SLOTS says when version v was published
   STAMP_MARK  what stands before the version in an event, such as "id: "; each one counts as an event
   ROW_MARK    what every row holds exactly once
   CONFLATES   1 if an event may stand for several versions: its age is then that of the oldest the viewer had not
               seen, and one that brings no newer version is a part of what comes and has no age
   CHURN       after "go", so many viewers a second leave and others come in their place
   LIMIT_S     it ends after so many seconds in any case

   It prints one line of JSON when all viewers are connected. On its standard input it takes "go": forget what was
   counted; "tell": print one line of JSON with what was counted since; and "end", or its end: print that and leave. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 65536
#define KEEP 64                 /* bytes of one read that the next one may still need */
#define PER_ADDRESS 200         /* the site allows more streams from one address, also for two of these programs */
#define MOST_WAITING 64         /* connections whose answer has not come */
#define BUCKET_US 50
#define BUCKETS 400000          /* 20 seconds */

typedef struct {
    int fd, kept, rows_from, stamps_from, answered;
    int64_t seen, last, gap;    /* newest version; time of the last event; longest time between two */
    char tail[KEEP];
} viewer;

static viewer *viewers;
static char **requests;
static int request_count, wanted, port, poller, open_count, waiting, refused, lost, came;
static const char *stamp_mark, *row_mark;
static size_t stamp_size, row_size;
static int conflates, measuring;
static volatile int64_t *stamps;
static int64_t events, rows, bytes, unstamped;
static uint32_t *ages;
static char buffer[KEEP + (1 << 18)];

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) { perror(what); exit(2); }

static void read_requests(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    char line[16384], text[32768];
    size_t size = 0, room = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, ".")) {
            size += snprintf(text + size, sizeof text - size, "%s\r\n", line);
            if (size >= sizeof text - 4) { fputs("a request is too long\n", stderr); exit(2); }
            continue;
        }
        memcpy(text + size, "\r\n", 3);
        if ((size_t)request_count == room) requests = realloc(requests, (room = room * 2 + 16) * sizeof *requests);
        requests[request_count++] = strdup(text);
        size = 0;
    }
    fclose(file);
    if (!request_count) { fputs("there are no requests\n", stderr); exit(2); }
}

static void connect_viewer(int number) {
    viewer *v = &viewers[number];
    memset(v, 0, sizeof *v);
    v->fd = -1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number / PER_ADDRESS);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const char *request = requests[number % request_count];
    if (fd < 0 || bind(fd, (void *)&from, sizeof from) || connect(fd, (void *)&to, sizeof to)
        || write(fd, request, strlen(request)) != (ssize_t)strlen(request)) {
        if (fd >= 0) close(fd);
        refused++;
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
    v->fd = fd;
    waiting++;
}

static void leave(viewer *v) {
    close(v->fd);
    v->fd = -1;
    if (v->answered) open_count--; else waiting--;
}

static void count_event(viewer *v, int64_t version, int64_t at) {
    events++;
    int64_t oldest = conflates && v->seen && v->seen < version ? v->seen + 1 : version;
    int64_t published = stamps[oldest & (SLOTS - 1)];
    int whole = !conflates || version > v->seen;
    if (v->seen && whole && published && at >= published) {
        int64_t bucket = (at - published) / 1000 / BUCKET_US;
        ages[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    } else unstamped++;
    if (v->last && at - v->last > v->gap) v->gap = at - v->last;
    v->last = at;
    if (version > v->seen) v->seen = version;
}

/* Count the marks in the buffer. What a mark at its end may still need is kept for the next read; `*_from` say from
   where on it has not been counted. */
static void scan(viewer *v, size_t size, int64_t at) {
    char *end = buffer + size, *here = buffer + v->rows_from, *found;
    while ((found = memmem(here, end - here, row_mark, row_size))) { rows++; here = found + row_size; }
    size_t rows_from = here - buffer, stamps_from;
    if (size - rows_from > row_size - 1) rows_from = size - (row_size - 1);

    here = buffer + v->stamps_from;
    while ((found = memmem(here, end - here, stamp_mark, stamp_size))) {
        char *digit = found + stamp_size;
        int64_t version = 0;
        while (digit < end && *digit >= '0' && *digit <= '9') version = version * 10 + (*digit++ - '0');
        if (digit == end) break;
        if (version) count_event(v, version, at);
        here = digit;
    }
    stamps_from = (found ? found : here) - buffer;
    if (!found && size - stamps_from > stamp_size - 1) stamps_from = size - (stamp_size - 1);

    size_t from = rows_from < stamps_from ? rows_from : stamps_from;
    if (size - from > KEEP) { fputs("a mark is too long\n", stderr); exit(2); }
    v->kept = size - from;
    v->rows_from = rows_from - from;
    v->stamps_from = stamps_from - from;
    memcpy(v->tail, buffer + from, v->kept);
}

static void hear(viewer *v) {
    memcpy(buffer, v->tail, v->kept);
    ssize_t got = read(v->fd, buffer + v->kept, sizeof buffer - KEEP);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (v->answered) lost++; else refused++;
        leave(v);
        return;
    }
    int64_t at = now();
    if (!v->answered) {
        if (got < 12 || (memcmp(buffer + 9, "200", 3) && memcmp(buffer + 9, "101", 3))) {
            refused++;
            leave(v);
            return;
        }
        v->answered = 1;
        waiting--;
        open_count++;
        came++;
    }
    bytes += got;
    scan(v, v->kept + got, at);
}

static double age_at(double share) {
    int64_t all = 0, sum = 0;
    for (int i = 0; i < BUCKETS; i++) all += ages[i];
    for (int i = 0; i < BUCKETS; i++) if ((sum += ages[i]) && sum >= share * all) return (i + 1) * BUCKET_US / 1000.0;
    return -1;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void begin(void) {
    events = rows = bytes = unstamped = 0;
    lost = refused = came = 0;
    memset(ages, 0, BUCKETS * sizeof *ages);
    int64_t at = now();
    for (int i = 0; i < wanted; i++) viewers[i].gap = 0, viewers[i].last = viewers[i].fd < 0 ? 0 : at;
    measuring = 1;
}

static void report(double seconds, double cpu) {
    int64_t *gaps = calloc(wanted, sizeof *gaps), at = now();
    for (int i = 0; i < wanted; i++) {
        gaps[i] = viewers[i].gap;
        if (viewers[i].fd >= 0 && viewers[i].last && at - viewers[i].last > gaps[i]) gaps[i] = at - viewers[i].last;
    }
    qsort(gaps, wanted, sizeof *gaps, by_size);
    printf("{\"viewers\":%d,\"refused\":%d,\"lost\":%d,\"came\":%d,\"seconds\":%.3f,\"events\":%lld,\"rows\":%lld,"
           "\"bytes\":%lld,\"unstamped\":%lld,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"gap_p50_ms\":%.1f,"
           "\"gap_max_ms\":%.1f,\"client_cpu_s\":%.2f}\n",
           open_count, refused, lost, came, seconds, (long long)events, (long long)rows, (long long)bytes,
           (long long)unstamped, age_at(0.5), age_at(0.99), age_at(1), gaps[wanted / 2] / 1e6,
           gaps[wanted - 1] / 1e6, cpu);
    fflush(stdout);
}

int main(int count, char **words) {
    if (count != 10) { fputs("usage: see the head of sse_viewers.c\n", stderr); return 2; }
    port = atoi(words[1]);
    wanted = atoi(words[2]);
    read_requests(words[3]);
    int file = open(words[4], O_RDONLY);
    stamps = file < 0 ? MAP_FAILED : mmap(0, SLOTS * sizeof *stamps, PROT_READ, MAP_SHARED, file, 0);
    if (stamps == MAP_FAILED) fail(words[4]);
    stamp_mark = words[5], stamp_size = strlen(stamp_mark);
    row_mark = words[6], row_size = strlen(row_mark);
    conflates = atoi(words[7]);
    double churn = atof(words[8]), limit = atof(words[9]);
    viewers = calloc(wanted, sizeof *viewers);
    ages = calloc(BUCKETS, sizeof *ages);
    poller = epoll_create1(0);
    struct epoll_event input = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input)) fail("the standard input");

    int64_t started = now(), went = 0;
    int made = 0, told = 0, churned = 0;
    double cpu = 0;
    srand(1);
    while (now() - started < limit * 1e9) {
        while (made < wanted && waiting < MOST_WAITING) connect_viewer(made++);
        if (made == wanted && !waiting && !told) {
            printf("{\"viewers\":%d,\"refused\":%d,\"seconds\":%.2f}\n", open_count, refused, (now() - started) / 1e9);
            fflush(stdout);
            told = 1;
        }
        while (measuring && churn > 0 && churned < (now() - went) / 1e9 * churn && waiting < MOST_WAITING) {
            int number = rand() % wanted;
            if (viewers[number].fd >= 0) leave(&viewers[number]);
            connect_viewer(number);
            churned++;
        }
        struct epoll_event ready[512];
        int n = epoll_wait(poller, ready, 512, 20);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.u32 != UINT32_MAX) {
                if (viewers[ready[i].data.u32].fd >= 0) hear(&viewers[ready[i].data.u32]);
                continue;
            }
            char word[64];
            ssize_t got = read(0, word, sizeof word);
            if (got > 0 && word[0] == 'g') {
                begin();
                went = now();
                cpu = cpu_seconds();
                churned = 0;
                continue;
            }
            report((now() - went) / 1e9, cpu_seconds() - cpu);
            if (got <= 0 || word[0] == 'e') return 0;
        }
    }
    fputs("the time is up\n", stderr);
    return 3;
}
