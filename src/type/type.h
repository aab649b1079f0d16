/* type.h - what a key can hold. The numbers stand in key records. */
#ifndef TYPE_TYPE_H
#define TYPE_TYPE_H

enum obj_type {
    OBJ_STRING = 0,
    OBJ_LIST = 1,
    OBJ_SET = 2,
    OBJ_ZSET = 3,
    OBJ_HASH = 4,
    OBJ_TYPE_COUNT
};

#endif
