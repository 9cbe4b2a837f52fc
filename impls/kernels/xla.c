/* The kernels behind XLA's foreign functions. The attributes are, in XLA's order of names: counts
   (of one it is the rows of the first argument, as XLA has them), numbers, threads, words. */

#include "xla/ffi/api/c_api.h"

static XLA_FFI_Error *refused(XLA_FFI_CallFrame *frame, const char *message) {
    XLA_FFI_Error_Create_Args error = {XLA_FFI_Error_Create_Args_STRUCT_SIZE, NULL, message,
                                       XLA_FFI_Error_Code_INTERNAL};
    return frame->api->XLA_FFI_Error_Create(&error);
}

XLA_FFI_Error *call_of_xla(XLA_FFI_CallFrame *frame) {
    for (XLA_FFI_Extension_Base *e = frame->extension_start; e; e = e->next)
        if (e->type == XLA_FFI_Extension_Metadata) {
            XLA_FFI_Metadata *metadata = ((XLA_FFI_Metadata_Extension *)e)->metadata;
            metadata->api_version.major_version = XLA_FFI_API_MAJOR;
            metadata->api_version.minor_version = XLA_FFI_API_MINOR;
            return NULL;
        }
    if (frame->stage != XLA_FFI_ExecutionStage_EXECUTE) return NULL;
    void *arrays[64];
    int64_t given = frame->args.size, taken = frame->rets.size, rows = 1;
    if (given + taken > 64 || frame->attrs.size != 4) return refused(frame, "too many arrays");
    for (int64_t a = 0; a < given; a++) arrays[a] = ((XLA_FFI_Buffer *)frame->args.args[a])->data;
    for (int64_t a = 0; a < taken; a++)
        arrays[given + a] = ((XLA_FFI_Buffer *)frame->rets.rets[a])->data;
    const XLA_FFI_Array *counts = frame->attrs.attrs[0], *numbers = frame->attrs.attrs[1];
    const XLA_FFI_Scalar *threads = frame->attrs.attrs[2];
    const XLA_FFI_Array *words = frame->attrs.attrs[3];
    const XLA_FFI_Buffer *first = frame->args.args[0];
    for (int64_t axis = 0; axis + 1 < first->rank; axis++) rows *= first->dims[axis];
    int failed = KERNEL(words->data, numbers->data, arrays, counts->size == 1 ? &rows : counts->data,
                        (int)*(const int64_t *)threads->value);
    if (!failed) return NULL;
    return refused(frame, failed == 1 ? "a kernel got no memory to work in"
                                      : "an index is out of range");
}
