typedef enum paygent_status {
  PAYGENT_OK = 0,
  PAYGENT_MORE = 1,
  PAYGENT_REFUSED = 2,
  PAYGENT_UNCERTAIN = 3,
  PAYGENT_FAILED = 4,
  PAYGENT_MISUSE = 5,
  PAYGENT_BUG = 6,
} paygent_status;

typedef enum paygent_audience {
  PAYGENT_SHOPPER = 0,
  PAYGENT_STAFF = 1,
  PAYGENT_GATEWAY = 2,
  PAYGENT_SCHEDULER = 3,
  PAYGENT_HOST = 4,
} paygent_audience;

typedef enum paygent_level {
  PAYGENT_ERROR = 1,
  PAYGENT_WARN = 2,
  PAYGENT_INFO = 3,
  PAYGENT_DEBUG = 4,
  PAYGENT_TRACE = 5,
} paygent_level;

typedef struct paygent_plugin paygent_plugin;

typedef struct paygent_hook {
  size_t struct_size;
  const char *name;
  enum paygent_audience audience;
  const char *method;
  const char *path;
  const char *summary;
} paygent_hook;

typedef struct paygent_host {
  size_t struct_size;
  uint32_t abi;
  void *ctx;
  void (*register_hook)(void *ctx, const struct paygent_hook *hook);
  void (*log)(void *ctx, enum paygent_level level, const char *message, size_t message_len);
  int64_t (*now)(void *ctx);
} paygent_host;

typedef struct paygent_bytes {
  char *ptr;
  size_t len;
} paygent_bytes;

uint32_t paygent_abi_version(void);

const char *paygent_version(void);

enum paygent_status paygent_open(const struct paygent_host *host,
                                 const char *config,
                                 size_t config_len,
                                 struct paygent_plugin **plugin,
                                 struct paygent_bytes *reply);

enum paygent_status paygent_call(struct paygent_plugin *plugin,
                                 const char *hook,
                                 size_t hook_len,
                                 const char *request,
                                 size_t request_len,
                                 struct paygent_bytes *reply);

enum paygent_status paygent_serve(struct paygent_plugin *plugin,
                                  const char *address,
                                  size_t address_len,
                                  struct paygent_bytes *reply);

void paygent_stop(struct paygent_plugin *plugin);

void paygent_free(struct paygent_bytes *reply);

void paygent_close(struct paygent_plugin *plugin);
