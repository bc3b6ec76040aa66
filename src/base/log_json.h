#ifndef BASE_LOG_JSON_H
#define BASE_LOG_JSON_H

#include <stddef.h>

/* A line of the log as one JSON object with the time, the level, the area and
 * the message as the text has it, and what stands as key=value in that once
 * more as "fields", all of them strings. They end at the first colon behind a
 * word: then comes the reason, and that may be anybody's words. Bytes that are
 * not printable ASCII are \u00NN. A long message is cut, and a field that does
 * not fit is left out. Returns its length, below size (256 at least). */
size_t log_json(char *buf, size_t size, const char *level, const char *area,
    const char *message);

#endif
