/* lookup.c - from a command's name to its line of the table.
 *
 * An index by name is made once, at the start: open addressing, a few times as
 * many slots as commands. `rename-command` is a matter of this index only: the
 * name in a slot need not be the table's, and a command that is gone has no
 * slot. COMMAND tells the table's names, as Redis does. */
#include "cmd/command.h"

#include "base/assert.h"
#include "base/mem.h"


#define INDEX_SLOTS  1024u /* a power of two, several times the commands */
#define COMMANDS_MAX 384u

struct slot {
    const struct command *command; /* NULL: empty */
    const char           *name;    /* the table's, or one of the config's */
};

struct command_index {
    struct slot slots[INDEX_SLOTS];
    bool        renamed;
    /* The last short name that was found, its bytes in one word: commands
     * mostly come in runs of the same. */
    uint64_t              last_word;
    size_t                last_len; /* 0: none */
    const struct command *last;
};

/* All bytes of a name of 2 to 8, in two loads that may overlap; with the
 * length it is the name. */
static uint64_t word_of(slice name)
{
    if (name.len >= 4) {
        uint32_t first, last;
        memcpy(&first, name.data, 4);
        memcpy(&last, name.data + name.len - 4, 4);
        return (uint64_t)last << 32 | first;
    }
    uint16_t first, last;
    memcpy(&first, name.data, 2);
    memcpy(&last, name.data + name.len - 2, 2);
    return (uint64_t)last << 32 | first;
}

static uint32_t hash_name(slice name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ ((uint8_t)name.data[i] | 0x20)) * 16777619u;
    return hash & (INDEX_SLOTS - 1);
}

/* --- names ---------------------------------------------------------------- */

struct names {
    struct slot list[COMMANDS_MAX];
    size_t      count;
};

static struct slot *names_find(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->list[i].name[0] != '\0' &&
            slice_equal_nocase(slice_from_string(name), names->list[i].name))
            return &names->list[i];
    return NULL;
}

/* One after the other: what was renamed may be renamed again. To "": gone. */
static err_t names_rename(struct names *names,
                          const struct config_rename *rename,
                          struct err_text *why)
{
    struct slot *from = names_find(names, rename->from);
    if (from == NULL)
        return err_set(why, ERR_INVALID, "there is no command '%.80s'",
                       rename->from);
    if (rename->to[0] != '\0' && names_find(names, rename->to) != NULL)
        return err_set(why, ERR_INVALID,
                       "there is a command '%.80s' already", rename->to);
    from->name = rename->to;
    return ERR_OK;
}

static err_t names_make(const struct config *config, struct names *names,
                        struct err_text *why)
{
    err_t err = ERR_OK;
    names->count = 0;
    for (const struct command *c = command_table; c->name != NULL; c++) {
        ASSERT(names->count < COMMANDS_MAX);
        names->list[names->count++] =
            (struct slot){ .command = c, .name = c->name };
    }
    for (size_t i = 0; i < config->rename_count && err == ERR_OK; i++)
        err = names_rename(names, &config->renames[i], why);
    return err;
}

err_t command_check_renames(const struct config *config, struct err_text *why)
{
    struct names *names = mem_alloc(sizeof(*names));
    err_t         err = names_make(config, names, why);
    mem_free(names);
    return err;
}

/* --- the index ------------------------------------------------------------ */

static void index_add(struct command_index *index, const struct slot *slot)
{
    uint32_t at = hash_name(slice_from_string(slot->name));
    while (index->slots[at].command != NULL)
        at = (at + 1) & (INDEX_SLOTS - 1);
    index->slots[at] = *slot;
}

void lookup_init(struct server *server)
{
    struct names         *names = mem_alloc(sizeof(*names));
    struct command_index *index = mem_calloc(1, sizeof(*index));
    err_t                 err = names_make(server->config, names, NULL);
    ASSERT(err == ERR_OK); /* command_check_renames has seen them */
    for (size_t i = 0; i < names->count; i++)
        if (names->list[i].name[0] != '\0')
            index_add(index, &names->list[i]);
    index->renamed = server->config->rename_count > 0;
    server->index = index;
    mem_free(names);
}

void lookup_deinit(struct server *server)
{
    mem_free(server->index);
    server->index = NULL;
}

const struct command *command_find_top(const struct server *server, slice name)
{
    struct command_index *index = server->index;
    bool                  is_short = name.len >= 2 && name.len <= 8;
    uint64_t              word = is_short ? word_of(name) : 0;
    if (is_short && name.len == index->last_len && word == index->last_word)
        return index->last;
    uint32_t           at = hash_name(name);
    const struct slot *slot;
    while ((slot = &index->slots[at])->command != NULL) {
        if (slice_equal_nocase(name, slot->name)) {
            index->last_len = is_short ? name.len : 0;
            index->last_word = word;
            index->last = slot->command;
            return slot->command;
        }
        at = (at + 1) & (INDEX_SLOTS - 1);
    }
    return NULL;
}

const struct command *command_find_sub(const struct command *container,
                                       slice                 name)
{
    for (const struct command *c = container->subcommands; c && c->name; c++)
        if (slice_equal_nocase(name, c->name))
            return c;
    return NULL;
}

const struct command *command_find(const struct server *server,
                                   const slice *argv, size_t argc)
{
    const struct command *command = command_find_top(server, argv[0]);
    if (command == NULL || command->subcommands == NULL || argc < 2)
        return command;
    return command_find_sub(command, argv[1]);
}

const struct command *command_find_name(const struct server *server, slice name)
{
    const char *bar =
        name.len > 0 ? memchr(name.data, '|', name.len) : NULL;
    if (bar == NULL)
        return command_find_top(server, name);
    size_t                len = (size_t)(bar - name.data);
    const struct command *top =
        command_find_top(server, slice_make(name.data, len));
    return top == NULL
               ? NULL
               : command_find_sub(
                     top, slice_make(bar + 1, name.len - len - 1));
}

bool command_is_gone(const struct server *server, const struct command *top)
{
    if (!server->index->renamed)
        return false;
    for (size_t i = 0; i < INDEX_SLOTS; i++)
        if (server->index->slots[i].command == top)
            return false;
    return true;
}
