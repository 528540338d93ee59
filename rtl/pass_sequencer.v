// Pass sequencer: walks the loop nest of a job, one pixel at one tap a cycle.
//
// Contract    output group, input group, kernel row, kernel column, pixel, from
//             the outermost in; every address by addition alone; the banks take
//             turns, from job to job as from group to group
// Latency     issue stands in the same cycle as the read address
// Throughput  one pixel a cycle
//
// A pass needs P_OC beats of weights, so that passes begin at least P_OC >= 2
// cycles apart: no partial sum is read (stage 2) before it is written (stage 3).
//
// A word of the tile memory is one channel group of one pixel, groups within a
// pixel, so that a tap to the right is in_groups words away and a tap below
// row_pitch words. A pixel outside the image is issued with outside high; its
// address means nothing.
`default_nettype none

module pass_sequencer #(
    parameter integer ADDR_W   = 13,       // bits of a tile address
    parameter integer PIXEL_W  = 10        // bits of a pixel number
) (
    input  wire               clk,
    input  wire               rst,

    input  wire               start,       // one cycle: the tile is loaded, begin
    input  wire               advance,     // the pipeline behind takes a pixel
    input  wire [1:0]         bank_free,   // accumulator banks that may be written anew

    input  wire [11:0]        in_groups,
    input  wire [11:0]        out_groups,
    input  wire               own,         // each output group reads its own input group alone
    input  wire [9:0]         in_w,
    input  wire [9:0]         in_h,
    input  wire [9:0]         out_w,
    input  wire [9:0]         out_h,
    input  wire [3:0]         kw,
    input  wire [3:0]         kh,
    input  wire               stride_2,
    input  wire [3:0]         pad_top,
    input  wire [3:0]         pad_left,
    input  wire [ADDR_W-1:0]  row_pitch,
    input  wire [ADDR_W-1:0]  origin,

    output wire               issue,       // a pixel is issued
    output wire [ADDR_W-1:0]  address,
    output wire               outside,     // it lies in the padding: use zero
    output wire [PIXEL_W-1:0] pixel,
    output wire               bank,
    output wire               pass_first,  // first pixel of a pass: swap the weights
    output wire               group_first, // first pass of an output group: start from the bias
    output wire               group_last,  // last pixel of an output group: its sums are complete
    output wire               group_open,  // one cycle: the bank is taken for an output group
    output wire               waiting_bank,
    output reg                running
);

    reg [11:0]       groups_left;          // output groups
    reg [11:0]       in_group;
    reg [3:0]        ky, kx;
    reg [9:0]        oy, ox;
    reg signed [12:0] iy, ix;              // input coordinates of the pixel at this tap
    reg signed [12:0] tap_x;               // ix of the row's first pixel
    reg signed [12:0] tap_y;               // iy of the tile's first pixel
    reg [ADDR_W-1:0] pixel_addr;
    reg [ADDR_W-1:0] line_addr;            // of the row's first pixel
    reg [ADDR_W-1:0] tap_addr;             // of the tile's first pixel
    reg [ADDR_W-1:0] ky_addr;              // the same at kernel column 0
    reg [ADDR_W-1:0] group_addr;           // the same at kernel row 0
    reg [ADDR_W-1:0] first_addr;           // the same at the output group's first input group
    reg [PIXEL_W-1:0] pixel_count;
    reg              bank_reg;

    wire [31:0]        in_groups_wide = {20'd0, in_groups};
    wire [31-ADDR_W:0] unused_groups  = in_groups_wide[31:ADDR_W];
    wire [ADDR_W-1:0]  word_step = in_groups_wide[ADDR_W-1:0];
    wire [ADDR_W-1:0] col_step  = stride_2 ? word_step << 1 : word_step;
    wire [ADDR_W-1:0] row_step  = stride_2 ? row_pitch << 1 : row_pitch;
    wire [ADDR_W-1:0] next_first = own ? first_addr + 1'b1 : first_addr;
    wire signed [12:0] hop      = stride_2 ? 13'sd2 : 13'sd1;
    wire signed [12:0] first_x  = -$signed({9'd0, pad_left});
    wire signed [12:0] first_y  = -$signed({9'd0, pad_top});

    wire first_pixel = ox == 10'd0 && oy == 10'd0;
    wire row_end     = ox == out_w - 10'd1;
    wire pass_end    = row_end && oy == out_h - 10'd1;
    wire kx_end      = kx == kw - 4'd1;
    wire ky_end      = ky == kh - 4'd1;
    wire in_end      = own || in_group == in_groups - 12'd1;
    wire group_end   = kx_end && ky_end && in_end;
    wire first_pass  = kx == 4'd0 && ky == 4'd0 && in_group == 12'd0;
    wire opening     = first_pixel && first_pass;

    assign waiting_bank = running && opening && !bank_free[bank_reg];
    assign issue        = running && !waiting_bank;
    assign address      = pixel_addr;
    assign outside      = ix < 13'sd0 || iy < 13'sd0
                          || ix >= $signed({3'd0, in_w}) || iy >= $signed({3'd0, in_h});
    assign pixel        = pixel_count;
    assign bank         = bank_reg;
    assign pass_first   = first_pixel;
    assign group_first  = first_pass;
    assign group_last   = pass_end && group_end;
    assign group_open   = issue && advance && opening;

    wire step = issue && advance;

    always @(posedge clk) begin
        if (start) begin
            running     <= 1'b1;
            groups_left <= out_groups;
            in_group    <= 12'd0;
            ky          <= 4'd0;
            kx          <= 4'd0;
            oy          <= 10'd0;
            ox          <= 10'd0;
            iy          <= first_y;
            ix          <= first_x;
            tap_y       <= first_y;
            tap_x       <= first_x;
            pixel_addr  <= origin;
            line_addr   <= origin;
            tap_addr    <= origin;
            ky_addr     <= origin;
            group_addr  <= origin;
            first_addr  <= origin;
            pixel_count <= {PIXEL_W{1'b0}};
        end else if (step && !pass_end) begin
            pixel_count <= pixel_count + 1'b1;
            if (!row_end) begin
                ox         <= ox + 10'd1;
                ix         <= ix + hop;
                pixel_addr <= pixel_addr + col_step;
            end else begin
                ox         <= 10'd0;
                ix         <= tap_x;
                oy         <= oy + 10'd1;
                iy         <= iy + hop;
                line_addr  <= line_addr + row_step;
                pixel_addr <= line_addr + row_step;
            end
        end else if (step) begin
            // The next pass: kernel column, kernel row, input group, output group.
            ox          <= 10'd0;
            oy          <= 10'd0;
            pixel_count <= {PIXEL_W{1'b0}};
            if (!kx_end) begin
                kx         <= kx + 4'd1;
                tap_x      <= tap_x + 13'sd1;
                ix         <= tap_x + 13'sd1;
                iy         <= tap_y;
                tap_addr   <= tap_addr + word_step;
                line_addr  <= tap_addr + word_step;
                pixel_addr <= tap_addr + word_step;
            end else if (!ky_end) begin
                kx         <= 4'd0;
                ky         <= ky + 4'd1;
                tap_x      <= first_x;
                ix         <= first_x;
                tap_y      <= tap_y + 13'sd1;
                iy         <= tap_y + 13'sd1;
                ky_addr    <= ky_addr + row_pitch;
                tap_addr   <= ky_addr + row_pitch;
                line_addr  <= ky_addr + row_pitch;
                pixel_addr <= ky_addr + row_pitch;
            end else begin
                kx    <= 4'd0;
                ky    <= 4'd0;
                tap_x <= first_x;
                ix    <= first_x;
                tap_y <= first_y;
                iy    <= first_y;
                if (!in_end) begin
                    in_group   <= in_group + 12'd1;
                    group_addr <= group_addr + 1'b1;
                    ky_addr    <= group_addr + 1'b1;
                    tap_addr   <= group_addr + 1'b1;
                    line_addr  <= group_addr + 1'b1;
                    pixel_addr <= group_addr + 1'b1;
                end else begin
                    in_group    <= 12'd0;
                    groups_left <= groups_left - 12'd1;
                    bank_reg    <= !bank_reg;
                    first_addr  <= next_first;
                    group_addr  <= next_first;
                    ky_addr     <= next_first;
                    tap_addr    <= next_first;
                    line_addr   <= next_first;
                    pixel_addr  <= next_first;
                    running     <= groups_left != 12'd1;
                end
            end
        end
        if (rst) begin
            running  <= 1'b0;
            bank_reg <= 1'b0;
        end
    end

endmodule

`default_nettype wire
