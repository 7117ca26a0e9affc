/* The interface between the Trireme agent and its native plugins, version 1.
 *
 * Build a dynamic library that exports trireme_plugin_v1. The agent calls it once, soon after its
 * start; it fills the table and returns TRIREME_OK, or anything else if it does not want to run.
 * Right before, a short-lived process of the agent calls it and tags() once; a library that hangs in
 * that process or ends it is not loaded by the agent.
 *
 * Ownership: the host table stays valid for the life of the process; the plugin table and every
 * struct trireme_answer belong to the agent and are valid during the call only. Name, release and
 * state belong to the plugin and stay valid for the life of the process. The bytes of an answer
 * belong to the plugin until the agent hands them to free(), once. Texts that are arguments are
 * valid during the call only. All text is UTF-8 with a length and no end mark.
 *
 * Threads: one call at a time per plugin, from any thread; log() may be called from any thread.
 * Every call has a time limit, and a plugin that exceeds it is not called again. Constructors and
 * DllMain must not wait for anything. No exception or panic may cross in either direction. A plugin
 * is never unloaded and leaves the process alone: no signal handlers, environment, folder, exit.
 *
 * Growth: within version 1 structs only grow at their end. Use a field of the host only if it lies
 * within host->size. plugin->size comes as what the agent can take; lower it to what you fill
 * (TRIREME_PLUGIN_FILLED does) and touch nothing beyond. Ignore kinds that you do not know.
 */
#ifndef TRIREME_PLUGIN_H
#define TRIREME_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRIREME_PLUGIN_VERSION 1u
#define TRIREME_OK 0
#define TRIREME_MOST_ANSWER 1048576u

#if defined(_WIN32)
#define TRIREME_EXPORT __declspec(dllexport)
#else
#define TRIREME_EXPORT __attribute__((visibility("default")))
#endif

struct trireme_text {
  const char *data; /* may be NULL if size is 0 */
  size_t size;
};

struct trireme_answer {
  char *data; /* may be NULL if size is 0 */
  size_t size; /* at most TRIREME_MOST_ANSWER */
};

enum trireme_level {
  TRIREME_DEBUG = 1,
  TRIREME_INFO = 2,
  TRIREME_WARN = 3,
  TRIREME_ERROR = 4
};

/* Bits of trireme_plugin.kinds. */
enum trireme_kind {
  TRIREME_TAGS = 1,     /* tags() is there */
  TRIREME_SECRETS = 2,  /* secret() is there; no agent asks yet */
  TRIREME_ARTIFACTS = 4 /* named only; its functions are to come */
};

struct trireme_host {
  size_t size;
  uint32_t version;
  uint32_t reserved;
  void *context; /* to be handed back */
  void (*log)(void *context, uint32_t level, struct trireme_text text);
};

struct trireme_plugin {
  size_t size;
  uint32_t version; /* set it to TRIREME_PLUGIN_VERSION */
  uint32_t kinds;
  struct trireme_text name;    /* letters, digits, '-' and '_'; at most 64 */
  struct trireme_text release; /* the plugin's own version, for people */
  void *state;                 /* handed back to every function below */
  void (*free)(void *state, struct trireme_answer *answer);
  /* Lines of key=value. Other than TRIREME_OK: it failed, and the answer says why. */
  int32_t (*tags)(void *state, struct trireme_answer *answer);
  /* The secret of that name. Other than TRIREME_OK: it failed, and the answer says why. */
  int32_t (*secret)(void *state, struct trireme_text name, struct trireme_answer *answer);
};

/* Says that everything this header knows, and the agent can take, is filled. */
#define TRIREME_PLUGIN_FILLED(plugin)                      \
  do {                                                     \
    (plugin)->version = TRIREME_PLUGIN_VERSION;            \
    if ((plugin)->size > sizeof(struct trireme_plugin))    \
      (plugin)->size = sizeof(struct trireme_plugin);      \
  } while (0)

TRIREME_EXPORT int32_t trireme_plugin_v1(const struct trireme_host *host,
                                         struct trireme_plugin *plugin);

#ifdef __cplusplus
}
#endif

#endif
