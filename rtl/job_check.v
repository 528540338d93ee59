// Descriptor check: says whether the PE can run a job, and derives its counts.
//
// Contract    error is 0 only if every count fits its counter and its memory
// Latency     some 40 cycles from start to done
// Throughput  one descriptor at a time
//
// Products come from one serial multiplier, in this order:
//   step  product                                gives
//   0     in_w * in_groups                       row_pitch   words from row to row
//   1     row_pitch * in_h                       in_words    beats of the input stream
//   2     out_w * out_h                          pixels      of the output tile
//   3     kh * kw                                taps
//   4     pass_groups * taps                     passes      of one output group
//   5     row_pitch * pad_top                    \ origin = in_base - row_pitch * pad_top
//   6     in_groups * pad_left                   /          - in_groups * pad_left
`include "status_codes.vh"
`default_nettype none

module job_check #(
    parameter integer P_IC        = 16,    // input channels a word
    parameter integer P_OC        = 16,    // output channels a group
    parameter integer ACC_W       = 40,    // bits of a partial sum
    parameter integer TILE_PIXELS = 1024,  // depth of an accumulator bank
    parameter integer INPUT_WORDS = 8192,  // depth of the input tile memory
    parameter integer ADDR_W      = 13     // bits of an input tile address
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              start,        // one cycle; the descriptor holds from here on

    input  wire [15:0]       in_w,
    input  wire [15:0]       in_h,
    input  wire [15:0]       out_w,
    input  wire [15:0]       out_h,
    input  wire [15:0]       in_channels,
    input  wire [15:0]       out_channels,
    input  wire [3:0]        kh,
    input  wire [3:0]        kw,
    input  wire [1:0]        stride,
    input  wire [3:0]        pad_top,
    input  wire [3:0]        pad_bottom,
    input  wire [3:0]        pad_left,
    input  wire [3:0]        pad_right,
    input  wire [5:0]        shift,
    input  wire [1:0]        activation,
    input  wire [15:0]       in_base,
    input  wire [1:0]        pool_size,
    input  wire              pool_stride_2,
    input  wire              pool_pad_bottom,
    input  wire              pool_pad_right,
    input  wire              upsample,
    input  wire              own,

    output reg               done,         // one cycle
    output reg  [7:0]        error,        // 0, or the status code; holds after done
    output wire [11:0]       in_groups,
    output wire [11:0]       out_groups,
    output reg  [31:0]       in_words,
    output reg  [17:0]       passes,
    output reg  [10:0]       read_w,       // columns and rows that leave
    output reg  [10:0]       read_h,
    output reg  [ADDR_W-1:0] row_pitch,
    output reg  [ADDR_W-1:0] origin        // address of pixel (-pad_top, -pad_left), modulo depth
);

    localparam integer IC_SHIFT = $clog2(P_IC);
    localparam integer OC_SHIFT = $clog2(P_OC);
    localparam [2:0]   LAST_STEP = 3'd6;
    localparam [32:0]  WORDS     = {1'b0, INPUT_WORDS[31:0]};

    // What leaves of the tile: (side + padding - size) / stride + 1, or twice the side.
    wire [1:0]  window  = pool_size == 2'd0 ? 2'd1 : pool_size;
    wire [1:0]  margin  = window - 2'd1;
    wire [16:0] spare_w = {1'b0, out_w} - {15'd0, window}
                          + (pool_pad_right ? {15'd0, margin} : 17'd0);
    wire [16:0] spare_h = {1'b0, out_h} - {15'd0, window}
                          + (pool_pad_bottom ? {15'd0, margin} : 17'd0);
    wire [16:0] steps_w = spare_w >> pool_stride_2;
    wire [16:0] steps_h = spare_h >> pool_stride_2;
    wire [11:0] unused_steps = {steps_w[16:11], steps_h[16:11]};

    // Bad shapes are told apart before any product is formed. A function, called where
    // its result is registered, so that a simulator does this once a job.
    function automatic [7:0] refusal(input [15:0] side_w, input [15:0] side_h);
        reg [17:0] rows_needed, columns_needed, rows_given, columns_given;
        begin
            // (out - 1) * stride + kernel = in + both pads, rows and columns alike.
            rows_needed    = (({2'd0, out_h} - 18'd1) << stride[1]) + {14'd0, kh};
            columns_needed = (({2'd0, out_w} - 18'd1) << stride[1]) + {14'd0, kw};
            rows_given     = {2'd0, side_h} + {14'd0, pad_top} + {14'd0, pad_bottom};
            columns_given  = {2'd0, side_w} + {14'd0, pad_left} + {14'd0, pad_right};
            if (side_w == 16'd0 || side_h == 16'd0 || out_w == 16'd0 || out_h == 16'd0
                || in_channels == 16'd0 || out_channels == 16'd0
                || side_w >= 16'd1024 || side_h >= 16'd1024
                || out_w >= 16'd1024 || out_h >= 16'd1024
                || in_channels >= 16'd4096 || out_channels >= 16'd4096)
                refusal = `CONV_PE_SIZE;
            else if (kh == 4'd0 || kw == 4'd0 || kh >= 4'd8 || kw >= 4'd8)
                refusal = `CONV_PE_KERNEL;
            else if (stride != 2'd1 && stride != 2'd2)
                refusal = `CONV_PE_STRIDE;
            else if (pad_top >= kh || pad_bottom >= kh || pad_left >= kw || pad_right >= kw)
                refusal = `CONV_PE_PADDING;
            else if (rows_needed != rows_given || columns_needed != columns_given)
                refusal = `CONV_PE_GEOMETRY;
            else if ({26'd0, shift} >= ACC_W)
                refusal = `CONV_PE_SHIFT;
            else if (activation == 2'd3)
                refusal = `CONV_PE_ACTIVATION;
            else if (spare_w[16] || spare_h[16] || (window == 2'd1 && pool_stride_2)
                     || (window != 2'd1 && upsample))
                refusal = `CONV_PE_POOL;
            else if (own && (P_IC != P_OC || in_channels != out_channels))
                refusal = `CONV_PE_OWN_CHANNELS;
            else
                refusal = `CONV_PE_NONE;
        end
    endfunction

    wire [15:0] in_groups_wide  = (in_channels + P_IC[15:0] - 16'd1) >> IC_SHIFT;
    wire [15:0] out_groups_wide = (out_channels + P_OC[15:0] - 16'd1) >> OC_SHIFT;
    wire [7:0]  unused_groups   = {in_groups_wide[15:12], out_groups_wide[15:12]};
    assign in_groups  = in_groups_wide[11:0];
    assign out_groups = out_groups_wide[11:0];
    wire [11:0] pass_groups = own ? 12'd1 : in_groups;

    // The list of products.
    reg         busy;
    reg         answering;                 // the shapes have been judged
    reg         judge;                     // the products are there
    reg  [2:0]  step;
    reg         go;
    reg  [31:0] pitch;
    reg  [31:0] pixels;
    reg  [31:0] factor_a;
    reg  [11:0] factor_b;
    wire [31:0] product;
    wire        product_done;

    always @* begin
        case (step)
            3'd0:    begin factor_a = {16'd0, in_w};        factor_b = in_groups;         end
            3'd1:    begin factor_a = pitch;                factor_b = in_h[11:0];        end
            3'd2:    begin factor_a = {16'd0, out_w};       factor_b = out_h[11:0];       end
            3'd3:    begin factor_a = {28'd0, kh};          factor_b = {8'd0, kw};        end
            3'd4:    begin factor_a = product;              factor_b = pass_groups;       end
            3'd5:    begin factor_a = pitch;                factor_b = {8'd0, pad_top};   end
            default: begin factor_a = {20'd0, in_groups};   factor_b = {8'd0, pad_left};  end
        endcase
    end

    serial_multiplier multiplier (
        .clk(clk), .rst(rst),
        .start(go), .a(factor_a), .b(factor_b),
        .product(product), .done(product_done)
    );

    wire [32:0] last_word = {1'b0, in_words} + {17'd0, in_base};

    always @(posedge clk) begin
        done  <= 1'b0;
        go    <= 1'b0;
        judge <= 1'b0;
        if (start) begin
            step <= 3'd0;
            error     <= refusal(in_w, in_h);
            answering <= 1'b1;
            busy      <= 1'b0;
            read_w    <= upsample ? {out_w[9:0], 1'b0} : steps_w[10:0] + 11'd1;
            read_h    <= upsample ? {out_h[9:0], 1'b0} : steps_h[10:0] + 11'd1;
        end else if (answering) begin
            answering <= 1'b0;
            busy      <= error == `CONV_PE_NONE;
            go        <= error == `CONV_PE_NONE;
            done      <= error != `CONV_PE_NONE;
        end else if (busy && product_done) begin
            case (step)
                3'd0:    begin pitch <= product; row_pitch <= product[ADDR_W-1:0]; end
                3'd1:    in_words <= product;
                3'd2:    pixels   <= product;
                3'd3:    ;
                3'd4:    passes   <= product[17:0];
                3'd5:    origin   <= in_base[ADDR_W-1:0] - product[ADDR_W-1:0];
                default: origin   <= origin - product[ADDR_W-1:0];
            endcase
            if (step == LAST_STEP) begin
                busy  <= 1'b0;
                judge <= 1'b1;
            end else begin
                step <= step + 3'd1;
                go   <= 1'b1;
            end
        end else if (judge) begin
            done <= 1'b1;
            if (last_word > WORDS)
                error <= `CONV_PE_INPUT_MEMORY;
            else if (pixels > TILE_PIXELS)
                error <= `CONV_PE_TILE_PIXELS;
        end
        if (rst) begin
            busy      <= 1'b0;
            answering <= 1'b0;
            judge     <= 1'b0;
            go        <= 1'b0;
            done      <= 1'b0;
        end
    end

endmodule

`default_nettype wire
