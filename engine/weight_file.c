/* SPDX-License-Identifier: Apache-2.0 */
#include "weight_file.h"

#include <string.h>

#define SNIFFED_BYTES 512

/* LONG1 of 0x1950a86a20f9469cfc6c, with which files of before torch 1.6 begin. */
static const uint8_t legacy_magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c,
                                       0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

static bool is_html(const char *text)
{
    static const char *const beginnings[] = {"<!doctype html", "<html", "<head", "<body"};
    if (!strncmp(text, "\xef\xbb\xbf", 3))
        text += 3;
    text += strspn(text, " \t\r\n");
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (!strncasecmp(text, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

static enum fit_checkpoint_kind sniff(const struct fit_mapping *file)
{
    const uint8_t *data = file->data;
    char text[SNIFFED_BYTES + 1] = "";
    size_t n = file->bytes < SNIFFED_BYTES ? file->bytes : SNIFFED_BYTES;
    if (n)
        memcpy(text, data, n);
    if (n >= 4 && (!memcmp(data, "PK\3\4", 4) || !memcmp(data, "PK\5\6", 4)))
        return FIT_CHECKPOINT_TORCH_ZIP;
    if (n >= sizeof legacy_magic && !memcmp(data, legacy_magic, sizeof legacy_magic))
        return FIT_CHECKPOINT_TORCH_LEGACY;
    if (is_html(text))
        return FIT_CHECKPOINT_HTML;
    if (!strncmp(text, "version https://git-lfs.github.com/", 35))
        return FIT_CHECKPOINT_LFS_POINTER;
    /* The length of its header is far below 2^40, so the three bytes before the '{' are zero. */
    if (n > 8 && data[8] == '{' && !data[5] && !data[6] && !data[7])
        return FIT_CHECKPOINT_SAFETENSORS;
    return FIT_CHECKPOINT_UNKNOWN;
}

static bool refuse(const char *path, enum fit_checkpoint_kind kind, struct fit_error *error)
{
    static const char *const reasons[] = {
        [FIT_CHECKPOINT_UNKNOWN] = "is neither a safetensors file nor a torch checkpoint",
        [FIT_CHECKPOINT_TORCH_LEGACY] =
            "is a torch checkpoint of before version 1.6, which is not read: load and save it with "
            "a newer torch, or take the .safetensors file",
        [FIT_CHECKPOINT_HTML] =
            "is a web page that was saved in place of the weights: download from the address with "
            "/resolve/ in place of /blob/",
        [FIT_CHECKPOINT_LFS_POINTER] =
            "is a Git LFS pointer in place of the weights: fetch the file with \"git lfs pull\"",
    };
    return fit_fail(error, FIT_ERROR_FILE, "%s: %s", path, reasons[kind]);
}

bool fit_weight_file_open(struct fit_weight_file *file, const char *path, struct fit_error *error)
{
    struct fit_mapping mapping;
    *file = (struct fit_weight_file){0};
    if (!fit_mapping_open(&mapping, path, error))
        return false;
    enum fit_checkpoint_kind kind = sniff(&mapping);
    fit_mapping_close(&mapping);
    switch (kind) {
    case FIT_CHECKPOINT_SAFETENSORS:
        if (!fit_safetensors_open(&file->safetensors, path, error))
            return false;
        file->list = fit_safetensors_list(&file->safetensors);
        break;
    case FIT_CHECKPOINT_TORCH_ZIP:
        if (!fit_torch_file_open(&file->torch, path, error))
            return false;
        file->list = (struct fit_tensor_list){file->torch.path, file->torch.tensors,
                                              file->torch.n_tensors};
        break;
    default:
        return refuse(path, kind, error);
    }
    file->kind = kind;
    return true;
}

void fit_weight_file_close(struct fit_weight_file *file)
{
    if (file->kind == FIT_CHECKPOINT_SAFETENSORS)
        fit_safetensors_close(&file->safetensors);
    if (file->kind == FIT_CHECKPOINT_TORCH_ZIP)
        fit_torch_file_close(&file->torch);
    *file = (struct fit_weight_file){0};
}
