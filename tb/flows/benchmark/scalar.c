/* The products of a convolution in plain loops, one multiply and one add at a time.
 *
 * What a simulation is compared with, so it is compiled with vectorisation off. Channels lie
 * innermost, so that both operands are read in order: the fastest of the plain ways.
 */
#include <stdint.h>

/* Sums of products, 64 bits each, bias excluded.
 *
 *   input   (height, width, channels), padding included
 *   weight  (outputs, kernel_rows, kernel_columns, channels)
 *   sums    (outputs, rows, columns)
 */
void scalar_sums(const int16_t *input, const int16_t *weight, int64_t *sums,
                 int32_t channels, int32_t width, int32_t outputs, int32_t rows, int32_t columns,
                 int32_t kernel_rows, int32_t kernel_columns, int32_t stride)
{
    for (int32_t o = 0; o < outputs; o++)
        for (int32_t y = 0; y < rows; y++)
            for (int32_t x = 0; x < columns; x++) {
                int64_t sum = 0;
                const int16_t *w = weight + (int64_t)o * kernel_rows * kernel_columns * channels;
                for (int32_t ky = 0; ky < kernel_rows; ky++) {
                    const int16_t *a = input
                        + ((int64_t)(y * stride + ky) * width + x * stride) * channels;
                    for (int32_t i = 0; i < kernel_columns * channels; i++)
                        sum += (int64_t)a[i] * w[i];
                    w += kernel_columns * channels;
                }
                *sums++ = sum;
            }
}
