/* The C interface of the Paygent payment plugin. Printed from plugin/src/abi.rs; do not edit.
 *
 * A host in seven steps:
 *   1. Fill a paygent_host: struct_size = sizeof(paygent_host), abi = paygent_abi_version(), callbacks as you like.
 *   2. paygent_open(&host, config, strlen(config), &plugin, &reply): every hook and route comes through register_hook.
 *   3. Tell of orders with paygent_call(plugin, "orders.put", ...), and open the card page with "checkout.enter".
 *   4. Mount two places: hand every request below them to "shopper.route" and "staff.route", send back what they reply.
 *   5. Each reply may hold "effects": apply each once by its key, in the order of its number; tell by "effects.ack".
 *   6. Call "work.step" every few seconds (or leave that to paygent_serve).
 *   7. paygent_free each reply, paygent_close at the end.
 * Requests and replies are JSON; the hook "plugin.describe" answers with their schemas.
 * Amounts are whole yen, ids are strings, times are RFC 3339 with an offset. */

#ifndef PAYGENT_H
#define PAYGENT_H

#include <stddef.h>
#include <stdint.h>

/**
 * What you may do next after a call. A reply that is not OK or MORE says why: `{"code", "message", "detail"}`.
 */
typedef enum paygent_status {
  /**
   * Done.
   */
  PAYGENT_OK = 0,
  /**
   * Done so far; the job has more steps: call again.
   */
  PAYGENT_MORE = 1,
  /**
   * A rule, or the card company, said no.
   */
  PAYGENT_REFUSED = 2,
  /**
   * Asked and not answered. Never repeat it: it will be resolved by inquiry.
   */
  PAYGENT_UNCERTAIN = 3,
  /**
   * Nothing was asked of the gateway. You may repeat the call.
   */
  PAYGENT_FAILED = 4,
  /**
   * Your mistake; nothing happened.
   */
  PAYGENT_MISUSE = 5,
  /**
   * A defect of the plugin was caught. The plugin can be used on; what this call did is found out by inquiry.
   */
  PAYGENT_BUG = 6,
} paygent_status;

/**
 * Whom a hook serves. Let nobody else through to it.
 */
typedef enum paygent_audience {
  /**
   * A browser of a shopper.
   */
  PAYGENT_SHOPPER = 0,
  /**
   * A member of the shop's staff, whom you have logged in; name them and their rights in the request.
   */
  PAYGENT_STAFF = 1,
  /**
   * Paygent's servers.
   */
  PAYGENT_GATEWAY = 2,
  /**
   * Whatever wakes the plugin every few seconds: cron, a page, `paygent_serve`.
   */
  PAYGENT_SCHEDULER = 3,
  /**
   * Your own code.
   */
  PAYGENT_HOST = 4,
} paygent_audience;

/**
 * How much a log line matters.
 */
typedef enum paygent_level {
  /**
   * Somebody has to look.
   */
  PAYGENT_ERROR = 1,
  /**
   * Something was refused or failed, and was dealt with.
   */
  PAYGENT_WARN = 2,
  /**
   * What happened to money and orders.
   */
  PAYGENT_INFO = 3,
  /**
   * For whoever writes a host.
   */
  PAYGENT_DEBUG = 4,
  /**
   * Everything.
   */
  PAYGENT_TRACE = 5,
} paygent_level;

/**
 * One opened plugin. It is a number in disguise: never look behind the pointer. A closed one is never reused,
 * so using it again answers `PAYGENT_MISUSE`.
 */
typedef struct paygent_plugin paygent_plugin;

/**
 * One hook or route, told at `paygent_open`. All text is NUL-terminated UTF-8 and stays valid for ever.
 */
typedef struct paygent_hook {
  /**
   * Size of this struct; members are only ever appended.
   */
  size_t struct_size;
  /**
   * What `paygent_call` takes, such as `checkout.enter`.
   */
  const char *name;
  /**
   * Whom it serves.
   */
  enum paygent_audience audience;
  /**
   * HTTP method of a page or of the HTTP door; `ANY` for a whole mount point.
   */
  const char *method;
  /**
   * Path below the audience's mount point; `{…}` is one segment, a final `*` all that follows.
   */
  const char *path;
  /**
   * One line on what it does.
   */
  const char *summary;
} paygent_hook;

/**
 * Your side. Fill `struct_size` and `abi`; every callback may be null. The plugin copies the table at `paygent_open`
 * (only the members that `struct_size` covers) and calls back only on a thread that is inside one of its functions,
 * with no lock held. A callback must not unwind, and must not call `paygent_close` on this plugin except inside
 * `paygent_serve`, where it only stops.
 */
typedef struct paygent_host {
  /**
   * `sizeof(paygent_host)`.
   */
  size_t struct_size;
  /**
   * The `paygent_abi_version` that you were written for; its major must be the library's.
   */
  uint32_t abi;
  /**
   * Given back to each callback. Must stay valid until `paygent_close` returns; may be used from several threads
   * if you call the plugin from several threads.
   */
  void *ctx;
  /**
   * Called once per hook and route inside `paygent_open`. Copy what you need; `hook` itself is gone afterwards.
   */
  void (*register_hook)(void *ctx, const struct paygent_hook *hook);
  /**
   * One line for your log, UTF-8, without line break, without card data or secrets. Valid during the call only.
   */
  void (*log)(void *ctx, enum paygent_level level, const char *message, size_t message_len);
  /**
   * The time as Unix milliseconds, UTC. Null: the system's clock. A test can drive 60 days with it.
   */
  int64_t (*now)(void *ctx);
} paygent_host;

/**
 * Text that the plugin gives: `len` bytes of UTF-8 at `ptr`, and a NUL after them that `len` does not count.
 * It is yours until you give it to `paygent_free`; never give `ptr` to `free`.
 */
typedef struct paygent_bytes {
  /**
   * First byte; null when there is no text.
   */
  char *ptr;
  /**
   * Number of bytes without the NUL.
   */
  size_t len;
} paygent_bytes;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The interface's version: `major << 16 | minor`. A host and a library with one major work together.
 * Any thread, any time, before anything else.
 */
uint32_t paygent_abi_version(void);

/**
 * The product's version, such as `0.1.0`: NUL-terminated, valid for ever; do not free it.
 */
const char *paygent_version(void);

/**
 * Opens a plugin: checks the host's table, parses `config` (JSON, `config_len` bytes, not kept) and registers every
 * hook and route through the table. Starts no thread and opens no socket and no database: that happens in the first
 * call that needs it. On PAYGENT_OK `*plugin` is yours until `paygent_close`; otherwise it is null.
 * `*reply` is yours to free in any case. Any thread.
 *
 * # Safety
 * `host` points to a table of at least `struct_size` bytes; `config` to `config_len` readable bytes; `plugin` and
 * `reply` to writable memory. Null pointers are answered, not followed.
 */
enum paygent_status paygent_open(const struct paygent_host *host,
                                 const char *config,
                                 size_t config_len,
                                 struct paygent_plugin **plugin,
                                 struct paygent_bytes *reply);

/**
 * Runs one hook to its end on this thread. `hook` is a registered name, `request` its JSON (at most 8 MB; neither is
 * kept). `*reply` is yours to free in any case. Any thread, several at once; it may block for the gateway's latency
 * (`timeout_secs` of the configuration) and for the database.
 *
 * # Safety
 * `hook` and `request` point to as many readable bytes as their lengths say; `reply` to writable memory.
 * Null pointers are answered, not followed. `plugin` may be anything that `paygent_open` ever gave.
 */
enum paygent_status paygent_call(struct paygent_plugin *plugin,
                                 const char *hook,
                                 size_t hook_len,
                                 const char *request,
                                 size_t request_len,
                                 struct paygent_bytes *reply);

/**
 * Opens the HTTP door at `address` (`127.0.0.1:8080`; port 0 takes a free one, told in the log) and does the background
 * work, on this thread and threads of its own, until `paygent_stop` or `paygent_close`. No thread is left when it
 * returns. PAYGENT_OK when it was stopped. `*reply` is yours to free in any case. Any thread; one at a time per plugin.
 *
 * # Safety
 * `address` points to `address_len` readable bytes; `reply` to writable memory. Null pointers are answered.
 */
enum paygent_status paygent_serve(struct paygent_plugin *plugin,
                                  const char *address,
                                  size_t address_len,
                                  struct paygent_bytes *reply);

/**
 * Makes `paygent_serve` return, after the requests in flight. Meant for another thread; returns at once. A stop that
 * comes before `paygent_serve` makes that return at once. Does nothing on a closed plugin.
 */
void paygent_stop(struct paygent_plugin *plugin);

/**
 * Frees a reply and empties it; doing it twice, or to an empty one, is harmless. Any thread.
 *
 * # Safety
 * `reply` is null, or points to a `paygent_bytes` that this library filled and nobody changed.
 */
void paygent_free(struct paygent_bytes *reply);

/**
 * Closes a plugin: refuses new calls, stops `paygent_serve`, waits for the calls under way and frees everything.
 * Nothing is lost: what was not finished is rows. Doing it twice is harmless. Any thread.
 */
void paygent_close(struct paygent_plugin *plugin);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PAYGENT_H */
