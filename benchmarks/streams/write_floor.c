/* write_floor: the least a server can do. It writes the same frame to each connection, one write(2) each, and no more.

   write_floor PORT VIEWERS RATE LIMIT_S FRAME STAMPS

   FRAME is a file with one event that begins "id: 0000000000": the digits are overwritten with the version, whose time
   goes to STAMPS as sse_viewers.c reads it. It begins when all viewers are there. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 65536

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 1000\n\n";

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) { perror(what); exit(2); }

int main(int count, char **words) {
    if (count != 7) { fputs("usage: see the head of write_floor.c\n", stderr); return 2; }
    signal(SIGPIPE, SIG_IGN);
    int viewers = atoi(words[2]), on = 1, file;
    double rate = atof(words[3]), limit = atof(words[4]);
    char frame[1 << 17], digits[24], request[8192];
    if ((file = open(words[5], O_RDONLY)) < 0) fail(words[5]);
    ssize_t size = read(file, frame, sizeof frame);
    close(file);
    if (size < 14 || (file = open(words[6], O_RDWR)) < 0) fail(words[6]);
    volatile int64_t *stamps = mmap(0, SLOTS * sizeof *stamps, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (stamps == MAP_FAILED) fail(words[6]);

    int listener = socket(AF_INET, SOCK_STREAM, 0), *fds = calloc(viewers, sizeof *fds);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 4096)) fail("listen");
    for (int i = 0; i < viewers; i++) {
        if ((fds[i] = accept(listener, 0, 0)) < 0) fail("accept");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (read(fds[i], request, sizeof request) <= 0 || write(fds[i], HEAD, sizeof HEAD - 1) <= 0) fail("a viewer");
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    int64_t next = now(), until = next + limit * 1e9;
    for (int64_t version = 1; next < until; version++) {
        next += 1e9 / rate;
        int64_t pause = next - now();
        if (pause > 0) nanosleep(&(struct timespec){pause / 1000000000, pause % 1000000000}, 0);
        snprintf(digits, sizeof digits, "%010lld", (long long)version);
        memcpy(frame + 4, digits, 10);
        stamps[version & (SLOTS - 1)] = now();
        int gone = 0;
        for (int i = 0; i < viewers; i++) gone += write(fds[i], frame, size) < 0;
        if (gone == viewers) break;
    }
    return 0;
}
