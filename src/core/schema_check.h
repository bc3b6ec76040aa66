#ifndef CORE_SCHEMA_CHECK_H
#define CORE_SCHEMA_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/name.h"

/* What one text of the settings may be: as struct conf_row's check, of
 * s[0..len), which needs no final NUL. What several values say together is
 * conf_check()'s. */

bool schema_is_listen(const char *s, size_t len); /* ADDRESS[:PORT] */
bool schema_is_address(const char *s, size_t len);
bool schema_is_prefix(const char *s, size_t len);
bool schema_is_device(const char *s, size_t len);
bool schema_is_netns(const char *s, size_t len); /* a name, or a path */

bool schema_is_path(const char *s, size_t len);
bool schema_is_path_or_none(const char *s, size_t len);
bool schema_is_path_or_system(const char *s, size_t len);

/* A name with all that is below it: no pattern, address or prefix. */
bool schema_is_domain(struct name *ret, const char *s, size_t len);
bool schema_is_name(const char *s, size_t len);

/* A server that is asked as the URL says, and one by way of a tunnel. */
bool schema_is_dns_upstream(const char *s, size_t len);
bool schema_is_system_or_upstream(const char *s, size_t len);
bool schema_is_dns_server(const char *s, size_t len);
bool schema_is_block_answer(const char *s, size_t len);

/* The words of those that are no addresses. */
#define SCHEMA_BLOCK_ANSWERS 4
extern const char *const schema_block_answers[SCHEMA_BLOCK_ANSWERS];

/* What rules call a list or tunnel by: letters, digits, '.', '_' and '-'. */
bool schema_is_word(const char *s, size_t len);

bool schema_is_tunnel_url(const char *s, size_t len);
bool schema_is_credential(const char *s, size_t len);
bool schema_is_pin(const char *s, size_t len); /* sha256//BASE64 */

#endif
