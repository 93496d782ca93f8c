/* model/limits.h: how large a record's parts may be. Shapes, not policy: policy is in config/. */
#ifndef TOK_MODEL_LIMITS_H
#define TOK_MODEL_LIMITS_H

#define TOK_USER_ID_MAX 64
#define TOK_USERNAME_MAX 255
#define TOK_PASSWORD_MAX 1024
#define TOK_PASSWORD_NFC_MAX (3 * TOK_PASSWORD_MAX) /* NFC can grow a text threefold */
#define TOK_PHC_TEXT_MAX 191
#define TOK_CLIENT_ID_MAX 64
/* Subjects that are clients' own start so; a person's never may (contract: "Access token"). */
#define TOK_CLIENT_SUBJECT "client:"
#define TOK_SUBJECT_MAX (sizeof TOK_CLIENT_SUBJECT - 1 + TOK_CLIENT_ID_MAX)
#define TOK_ROLES_MAX 1023
#define TOK_ROLE_MAX 64
#define TOK_SCOPE_TEXT_MAX 1023
#define TOK_GRANTS_MAX 63
#define TOK_SECRET_TEXT_MAX 256
#define TOK_SECRET_TEXT_MIN 32

#endif
