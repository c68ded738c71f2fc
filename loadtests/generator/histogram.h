/* Durations in nanoseconds, counted in buckets that are at most 1/128 wide: percentiles are exact to 0.8 %. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define FINE_BITS 7
#define FINE (1 << FINE_BITS)
#define BUCKETS ((64 - FINE_BITS) * FINE)

struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t total, max;
};

static inline unsigned bucket_of(uint64_t value)
{
    if (value < FINE)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - FINE_BITS;
    return (shift + 1) * FINE + (unsigned)(value >> shift) - FINE;
}

/* The largest value that falls into a bucket. */
static inline uint64_t top_of(unsigned bucket)
{
    if (bucket < FINE)
        return bucket;
    unsigned shift = bucket / FINE - 1;
    return ((uint64_t)(bucket % FINE + FINE + 1) << shift) - 1;
}

static inline void count_one(struct histogram *h, uint64_t value)
{
    h->counts[bucket_of(value)]++;
    h->total++;
    if (value > h->max)
        h->max = value;
}

/* The value that so large a share of all lies at or below, in milliseconds. */
static double percentile_ms(const struct histogram *h, double share)
{
    uint64_t rank = (uint64_t)(share * (double)h->total + 0.999999), seen = 0;
    if (rank < 1)
        rank = 1;
    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += h->counts[b];
        if (seen >= rank)
            return (double)(top_of(b) < h->max ? top_of(b) : h->max) / 1e6;
    }
    return (double)h->max / 1e6;
}

#endif
