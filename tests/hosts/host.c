/* A host in C: opens the plugin, lists its hooks, sells one order, captures it, closes. host CONFIG_JSON CARD_TOKEN */
#include "paygent.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static paygent_plugin *plugin;
static char request[4096], answer[1 << 20];
static void listed(void *count, const paygent_hook *hook) {
  printf("hook %s %s %s\n", hook->name, hook->method, hook->path);
  ++*(int *)count;
}

/* Copies the text member `name` of the last answer; every text we ask for is made of plain characters. */
static char *member(const char *name, char *into) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\":\"", name);
  const char *at = strstr(answer, key);
  if (at == NULL || sscanf(at + strlen(key), "%511[^\"]", into) != 1) exit(fprintf(stderr, "no %s in %s\n", name, answer));
  return into;
}

static void call(const char *hook, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(request, sizeof request, format, values);
  va_end(values);
  paygent_bytes reply;
  paygent_status status = paygent_call(plugin, hook, strlen(hook), request, strlen(request), &reply);
  snprintf(answer, sizeof answer, "%s", reply.ptr);
  paygent_free(&reply);
  if (status != PAYGENT_OK) exit(fprintf(stderr, "%s: status %d, %s\n", hook, (int)status, answer));
}

int main(int argc, char **argv) {
  char text[512], checkout[512]; int hooks = 0;
  paygent_host host = {sizeof host, paygent_abi_version(), &hooks, listed, NULL, NULL};
  paygent_bytes reply;
  if (argc < 3 || paygent_open(&host, argv[1], strlen(argv[1]), &plugin, &reply) != PAYGENT_OK) return 2;
  paygent_free(&reply);
  printf("%d hooks, plugin %s\n", hooks, paygent_version());
  const char *acks = "{\"data\":{\"acks\":[{\"key\":\"%s\",\"result\":\"applied\"},{\"key\":\"%s\",\"result\":\"applied\"}]}}";
  const char *staff = "\"operator\":{\"id\":\"1\",\"name\":\"C\"},\"rights\":[\"view\",\"capture\"]";
  const char *at = "2026-11-24T12:00:00+09:00";
  call("checkout.enter", "{\"data\":{\"order\":{\"id\":\"c1\",\"number\":\"C1\",\"status\":\"processing\",\"amount\":3300,\"created_at\":\"%s\","
    "\"updated_at\":\"%s\"},\"urls\":{\"complete\":\"/complete\",\"back\":\"/cart\"}}}", at, at);
  member("checkout", checkout);
  call("effects.ack", acks, "pend:c1:1", ""); /* a shop takes its stock first, then says so */
  call("card.page", "{\"method\":\"GET\",\"path\":\"/pay/%s\"}", checkout); /* its form comes back with the card's token */
  call("card.pay", "{\"method\":\"POST\",\"path\":\"/pay/%s\",\"body\":\"form=%s&card_token=%s\"}", checkout, member("form", text), argv[2]);
  printf("paid: %s\n", member("outcome", text));
  call("effects.ack", acks, "place:c1:1", "mail:c1:1");
  call("admin.list", "{\"method\":\"GET\",\"path\":\"/payments\",%s}", staff);
  call("admin.bulk.start", "{\"method\":\"POST\",\"path\":\"/payments/bulk\",%s,\"body\":\"operation=capture&order=c1&csrf=%s\"}", staff, member("csrf", text));
  call("payments.state", "{\"data\":{\"order_ids\":[\"c1\"]}}");
  printf("state: %s\n", member("label", text));
  paygent_close(plugin);
  return 0;
}
