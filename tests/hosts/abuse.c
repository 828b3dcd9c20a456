/* Everything a host can do wrong at the boundary: each is answered, and the next call works. abuse CONFIG_JSON */
#define _POSIX_C_SOURCE 200809L
#include "paygent.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int checks;
static paygent_bytes reply;

/* Checks status and, where given, the code in the reply; then frees it, twice. */
static void is(paygent_status wanted, const char *code, paygent_status got, const char *what) {
  ++checks;
  if (got != wanted || reply.ptr == NULL || strlen(reply.ptr) != reply.len || (code && !strstr(reply.ptr, code))) {
    fprintf(stderr, "%s: status %d, wanted %d; %s\n", what, (int)got, (int)wanted, reply.ptr ? reply.ptr : "(no reply)");
    exit(1);
  }
  paygent_free(&reply);
  paygent_free(&reply);
  if (reply.ptr || reply.len) exit(2);
}

#define IS(wanted, code, call) is(wanted, code, call, #call)
#define CALL(hook, request) paygent_call(plugin, hook, sizeof hook - 1, request, sizeof request - 1, &reply)
#define WORKS() IS(PAYGENT_OK, "\"orders\"", CALL("payments.state", "{\"data\":{\"order_ids\":[\"x\"]}}"))

static paygent_status open_with(const paygent_host *host, const char *config, paygent_plugin **plugin) {
  return paygent_open(host, config, strlen(config), plugin, &reply);
}

static int64_t spring(void *ctx) {
  (void)ctx;
  return 1780000000000;
}

static void told(void *lines, paygent_level level, const char *message, size_t len) {
  if (level < PAYGENT_ERROR || level > PAYGENT_TRACE || memchr(message, '\n', len)) exit(3);
  ++*(int *)lines;
}

static void orders(paygent_plugin *plugin) {
  const char *amounts[] = {"-1", "1000000000", "9223372036854775807", "3300.5", "\"3300\"", "1e3", "null"};
  char request[512];
  for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
    snprintf(request, sizeof request, "{\"data\":{\"orders\":[{\"id\":\"1\",\"number\":\"1\",\"status\":\"new\",\"amount\":%s,"
      "\"created_at\":\"2026-11-24T12:00:00+09:00\",\"updated_at\":\"2026-11-24T12:00:00+09:00\"}]}}", amounts[i]);
    IS(PAYGENT_MISUSE, "request.data", paygent_call(plugin, "orders.put", 10, request, strlen(request), &reply));
    WORKS();
  }
}

static void texts(paygent_plugin *plugin) {
  size_t huge = 10u << 20;
  char *text = malloc(huge);
  if (!text) exit(4);
  memset(text, ' ', huge);
  IS(PAYGENT_MISUSE, "abi.too_long", paygent_call(plugin, "orders.put", 10, text, huge, &reply));
  free(text);
  WORKS();
  IS(PAYGENT_MISUSE, "abi.not_utf8", CALL("orders.put", "{\"data\":\"\xff\xfe\"}"));
  IS(PAYGENT_MISUSE, "abi.not_utf8", CALL("orders\x80put", "{}"));
  IS(PAYGENT_MISUSE, "abi.null", paygent_call(plugin, NULL, 5, "{}", 2, &reply));
  IS(PAYGENT_MISUSE, "abi.null", paygent_call(plugin, "orders.put", 10, NULL, 5, &reply));
  IS(PAYGENT_MISUSE, "hook.unknown", CALL("no.such.hook", "{}"));
  IS(PAYGENT_MISUSE, "hook.unknown", CALL("", "{}"));
  IS(PAYGENT_MISUSE, "request.malformed", CALL("orders.put", "{"));
  IS(PAYGENT_MISUSE, "request.malformed", CALL("orders.put", "[]"));
  IS(PAYGENT_MISUSE, "request.data", CALL("effects.ack", "{\"data\":{\"acks\":[{\"key\":\"k\",\"result\":\"perhaps\"}]}}"));
  WORKS();
  if (paygent_call(plugin, "orders.put", 10, "{}", 2, NULL) != PAYGENT_MISUSE) exit(5);
}

static void tables(const char *config) {
  paygent_plugin *plugin = (paygent_plugin *)&checks;
  paygent_host host = {sizeof host, paygent_abi_version(), NULL, NULL, NULL, NULL};
  IS(PAYGENT_MISUSE, "abi.host", open_with(NULL, config, &plugin));
  IS(PAYGENT_MISUSE, "abi.plugin", open_with(&host, config, NULL));
  host.struct_size = 3;
  IS(PAYGENT_MISUSE, "abi.struct_size", open_with(&host, config, &plugin));
  host.struct_size = (size_t)-1;
  IS(PAYGENT_MISUSE, "abi.struct_size", open_with(&host, config, &plugin));
  host.struct_size = sizeof host;
  host.abi = 2u << 16;
  IS(PAYGENT_MISUSE, "abi.version", open_with(&host, config, &plugin));
  host.abi = paygent_abi_version();
  IS(PAYGENT_MISUSE, "config.malformed", open_with(&host, "{\"databse\":1}", &plugin));
  if (plugin != NULL) exit(6);
  struct { paygent_host known; char later[64]; } newer = {{0}, {0}}; /* a host from the future has a longer table */
  newer.known = host;
  newer.known.struct_size = sizeof newer;
  IS(PAYGENT_OK, "version", open_with(&newer.known, config, &plugin));
  paygent_close(plugin);
  host.struct_size = offsetof(paygent_host, register_hook); /* one from the past ends before the callbacks */
  IS(PAYGENT_OK, "version", open_with(&host, config, &plugin));
  WORKS();
  paygent_close(plugin);
}

/* No thread outlives a call: after all of them this process has the one that it was born with. */
static void threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  while (tasks && readdir(tasks)) count++;
  if (tasks) closedir(tasks);
  if (tasks && count != 3) exit(10); /* ".", ".." and one thread */
  ++checks;
}

static void forked(paygent_plugin *plugin) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20); /* a hang is a failure */
    WORKS();
    IS(PAYGENT_OK, "stored", CALL("orders.put", "{}"));
    paygent_close(plugin);
    raise(SIGKILL); /* came to the end; a leak checker has nothing to say of what the child deliberately keeps */
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) exit(7);
  WORKS();
}

int main(int argc, char **argv) {
  if (argc < 2) return 9;
  tables(argv[1]);
  for (int round = 0; round < 3; round++) {
    int lines = 0;
    paygent_plugin *plugin = NULL;
    paygent_host host = {sizeof host, paygent_abi_version(), &lines, NULL, told, spring};
    IS(PAYGENT_OK, "version", open_with(&host, argv[1], &plugin));
    orders(plugin);
    texts(plugin);
    forked(plugin);
    if (lines == 0) return 8;
    IS(PAYGENT_MISUSE, "serve.address", paygent_serve(plugin, "nowhere", 7, &reply));
    IS(PAYGENT_REFUSED, "serve.public", paygent_serve(plugin, "0.0.0.0:0", 9, &reply));
    paygent_stop(plugin); /* a stop that comes first is not lost */
    IS(PAYGENT_OK, "stopped", paygent_serve(plugin, "127.0.0.1:0", 11, &reply));
    WORKS();
    threads();
    paygent_close(plugin);
    paygent_close(plugin);
    paygent_stop(plugin);
    IS(PAYGENT_MISUSE, "abi.plugin", CALL("payments.state", "{}"));
  }
  IS(PAYGENT_MISUSE, "abi.plugin", paygent_call(NULL, "x", 1, "{}", 2, &reply));
  paygent_free(NULL);
  printf("%d checks\n", checks);
  return 0;
}
