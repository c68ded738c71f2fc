/* Requests made beforehand, read from a file: four bytes of length (big-endian), then the bytes; and again.
 * The same format serves openloop.c, rawpipe.c and wrk_prepared.lua. */
#ifndef PREPARED_H
#define PREPARED_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct request {
    const char *bytes;
    uint32_t length;
};

struct prepared {
    struct request *all;
    size_t count;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct prepared read_prepared(const char *path)
{
    struct prepared found = {NULL, 0};
    struct stat about;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &about) < 0)
        die(path);
    size_t size = (size_t)about.st_size, room = 0, at = 0;
    const unsigned char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (data == MAP_FAILED)
        die(path);
    close(file);
    while (at + 4 <= size) {
        uint32_t length = (uint32_t)data[at] << 24 | (uint32_t)data[at + 1] << 16 |
                          (uint32_t)data[at + 2] << 8 | data[at + 3];
        if (length > size - at - 4)
            break;
        if (found.count == room) {
            room = room ? 2 * room : 4096;
            found.all = realloc(found.all, room * sizeof *found.all);
            if (!found.all)
                die("realloc");
        }
        found.all[found.count++] = (struct request){(const char *)data + at + 4, length};
        at += 4 + length;
    }
    if (at != size || !found.count) {
        fprintf(stderr, "%s: not a file of prepared requests\n", path);
        exit(1);
    }
    return found;
}

#endif
