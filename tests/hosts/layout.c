/* The layout that the library was built with, asserted from the other side: compiled, never run. */
#include "paygent.h"
#ifdef __cplusplus
#define HOLDS(condition) static_assert(condition, "layout")
#elif __STDC_VERSION__ >= 201112L
#define HOLDS(condition) _Static_assert(condition, "layout")
#else
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define HOLDS(condition) typedef char JOIN(holds_, __LINE__)[(condition) ? 1 : -1]
#endif

HOLDS(sizeof(void *) != 8 || sizeof(paygent_bytes) == 16);
HOLDS(sizeof(void *) != 8 || offsetof(paygent_bytes, len) == 8);
HOLDS(sizeof(void *) != 8 || sizeof(paygent_hook) == 48);
HOLDS(sizeof(void *) != 8 || offsetof(paygent_hook, audience) == 16);
HOLDS(sizeof(void *) != 8 || offsetof(paygent_hook, summary) == 40);
HOLDS(sizeof(void *) != 8 || sizeof(paygent_host) == 48);
HOLDS(sizeof(void *) != 8 || offsetof(paygent_host, abi) == 8);
HOLDS(sizeof(void *) != 8 || offsetof(paygent_host, now) == 40);
HOLDS(PAYGENT_OK == 0 && PAYGENT_BUG == 6);
