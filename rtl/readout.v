// Readout: walks the pixels of a finished bank in the order in which its values leave.
//
// Contract    plain: raster order. Pool: for each output pixel in raster order, the
//             pixels of its window row by row, without those in the padding.
//             Upsample: raster order of the doubled map, each pixel four times
// Latency     none: pixel is a register
// Throughput  one pixel a cycle of step
//
// All addresses by addition alone. A window that reaches over the padded edge is
// cut short there, and clipped says so.
`default_nettype none

module readout #(
    parameter integer PIXEL_W = 10         // bits of a pixel number
) (
    input  wire               clk,

    input  wire               start,       // one cycle: begin with the first pixel
    input  wire               step,        // go on to the next

    input  wire [9:0]         width,       // of the tile, pixels
    input  wire [9:0]         height,
    input  wire [10:0]        out_width,   // of what leaves
    input  wire [10:0]        out_height,
    input  wire [1:0]         size,        // of the window: 1, 2 or 3
    input  wire               stride_2,
    input  wire               upsample,

    output reg  [PIXEL_W-1:0] pixel,
    output wire               window_first,
    output wire               window_last,
    output wire               clipped,     // part of the window lies in the padding
    output wire               last         // the bank's last read
);

    reg [10:0]        x_left, y_left;      // output pixels of the row, rows of the map
    reg [1:0]         wx, wy;              // within the window
    reg [9:0]         columns, rows;       // of the tile, from the window's corner on
    reg [PIXEL_W-1:0] line;                // first pixel of the window's line
    reg [PIXEL_W-1:0] corner;              // first pixel of the window
    reg [PIXEL_W-1:0] band;                // first pixel of the row of windows
    reg               again_x, again_y;    // upsample: the second of two

    wire [31:0]         width_wide = {22'd0, width};
    wire [31-PIXEL_W:0] unused_width = width_wide[31:PIXEL_W];
    wire [PIXEL_W-1:0]  pitch    = width_wide[PIXEL_W-1:0];
    wire [9:0]          hop      = stride_2 ? 10'd2 : 10'd1;
    wire [PIXEL_W-1:0]  hop_x    = stride_2 ? 2 : 1;
    wire [PIXEL_W-1:0]  hop_y    = stride_2 ? pitch << 1 : pitch;

    wire line_end   = wx == size - 2'd1 || {8'd0, wx} + 10'd1 == columns;
    wire window_end = wy == size - 2'd1 || {8'd0, wy} + 10'd1 == rows;
    wire row_end    = x_left == 11'd1;
    wire map_end    = y_left == 11'd1;
    wire stay_x     = upsample && !again_x;
    wire stay_y     = upsample && !again_y;

    assign window_first = wx == 2'd0 && wy == 2'd0;
    assign window_last  = line_end && window_end;
    assign clipped      = {8'd0, size} > columns || {8'd0, size} > rows;
    assign last         = window_last && row_end && map_end;

    always @(posedge clk) begin
        if (start) begin
            pixel   <= {PIXEL_W{1'b0}};
            line    <= {PIXEL_W{1'b0}};
            corner  <= {PIXEL_W{1'b0}};
            band    <= {PIXEL_W{1'b0}};
            wx      <= 2'd0;
            wy      <= 2'd0;
            x_left  <= out_width;
            y_left  <= out_height;
            columns <= width;
            rows    <= height;
            again_x <= 1'b0;
            again_y <= 1'b0;
        end else if (step && !line_end) begin
            wx    <= wx + 2'd1;
            pixel <= pixel + 1'b1;
        end else if (step && !window_end) begin
            wx    <= 2'd0;
            wy    <= wy + 2'd1;
            line  <= line + pitch;
            pixel <= line + pitch;
        end else if (step && !row_end) begin
            wx      <= 2'd0;
            wy      <= 2'd0;
            x_left  <= x_left - 11'd1;
            again_x <= !again_x;
            if (!stay_x) begin
                columns <= columns - hop;
                corner  <= corner + hop_x;
                line    <= corner + hop_x;
                pixel   <= corner + hop_x;
            end
        end else if (step) begin
            wx      <= 2'd0;
            wy      <= 2'd0;
            x_left  <= out_width;
            y_left  <= y_left - 11'd1;
            columns <= width;
            again_x <= 1'b0;
            again_y <= !again_y;
            if (!stay_y) begin
                rows   <= rows - hop;
                band   <= band + hop_y;
                corner <= band + hop_y;
                line   <= band + hop_y;
                pixel  <= band + hop_y;
            end else begin
                corner <= band;
                line   <= band;
                pixel  <= band;
            end
        end
    end

endmodule

`default_nettype wire
