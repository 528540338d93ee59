// Convolution processing element: a weight-stationary MAC array with its
// buffers and its output arithmetic, run by descriptors.
//
// Contract    out = act(clip(round(bias + sum of contributions))), to the bit as
//             golden.reference.spec computes it (docs/numerics.md); with the
//             descriptor's "before" clip(round(act(...))). Every output port comes
//             from registers alone
// Latency     check, tile load, then passes x max(pixels, P_OC) cycles a group; a job
//             is checked and loaded while the one before it computes, and drains
//             while the one behind it computes
// Throughput  P_IC * P_OC products a cycle while a pass runs
//
//   s_axis_act -> act_loader ----> compute_core --> drain
//   s_axis_wgt -> weight_loader ------^               |
//                                                     v
//   m_axis_out <---------------------------- output_stage
`default_nettype none

module conv_pe #(
    parameter integer P_IC        = 16,    // input channels a cycle: 2, 4, ... 64
    parameter integer P_OC        = 16,    // output-channel lanes: 2, 4, ... 64
    parameter integer A_W         = 16,    // bits of an activation: 8 or 16
    parameter integer W_W         = 16,    // bits of a weight: 8 or 16
    parameter integer ACC_W       = 40,    // bits of a partial sum: 32, 40 or 48
    parameter integer MODE        = 0,     // 0 full, 1 cut_floor, 2 cut_round
    parameter integer TILE_PIXELS = 1024,  // output pixels of a tile at most, a power of two
    parameter integer INPUT_WORDS = 8192   // words of the input tile memory, a power of two
) (
    input  wire                  clk,
    input  wire                  rst,

    // AXI4-Lite: descriptor, control, status
    input  wire [7:0]            s_axil_awaddr,
    input  wire                  s_axil_awvalid,
    output wire                  s_axil_awready,
    input  wire [31:0]           s_axil_wdata,
    input  wire [3:0]            s_axil_wstrb,
    input  wire                  s_axil_wvalid,
    output wire                  s_axil_wready,
    output wire [1:0]            s_axil_bresp,
    output wire                  s_axil_bvalid,
    input  wire                  s_axil_bready,
    input  wire [7:0]            s_axil_araddr,
    input  wire                  s_axil_arvalid,
    output wire                  s_axil_arready,
    output wire [31:0]           s_axil_rdata,
    output wire [1:0]            s_axil_rresp,
    output wire                  s_axil_rvalid,
    input  wire                  s_axil_rready,
    output wire                  irq,      // a job ended; cleared through CONTROL

    // AXI4-Stream: activations, pixel by pixel, channel groups within a pixel
    input  wire [P_IC*A_W-1:0]   s_axis_act_tdata,
    input  wire                  s_axis_act_tvalid,
    output wire                  s_axis_act_tready,
    input  wire                  s_axis_act_tlast,

    // AXI4-Stream: biases and weights, see weight_loader
    input  wire [P_IC*W_W-1:0]   s_axis_wgt_tdata,
    input  wire                  s_axis_wgt_tvalid,
    output wire                  s_axis_wgt_tready,
    input  wire                  s_axis_wgt_tlast,

    // AXI4-Stream: results, output group by output group, within one in raster order
    output wire [P_OC*A_W-1:0]   m_axis_out_tdata,
    output wire [P_OC*A_W/8-1:0] m_axis_out_tkeep,
    output wire                  m_axis_out_tvalid,
    input  wire                  m_axis_out_tready,
    output wire                  m_axis_out_tlast,
    output wire                  m_axis_out_tuser  // with TLAST: the job failed
);

    localparam integer ADDR_W     = $clog2(INPUT_WORDS);
    localparam integer PIXEL_W    = $clog2(TILE_PIXELS);
    localparam integer ACT_W      = P_IC * A_W;
    localparam integer WGT_W      = P_IC * W_W;
    localparam integer OUT_W      = P_OC * A_W;
    localparam integer KEEP_W     = OUT_W / 8;
    localparam integer BIAS_BEATS = (P_OC * 64 + WGT_W - 1) / WGT_W;

    generate
        if ((P_IC & (P_IC - 1)) != 0 || P_IC < 2 || P_IC > 64) begin : g_bad_p_ic
            conv_pe_error_P_IC_is_a_power_of_two_from_2_to_64 error ();
        end
        if ((P_OC & (P_OC - 1)) != 0 || P_OC < 2 || P_OC > 64) begin : g_bad_p_oc
            conv_pe_error_P_OC_is_a_power_of_two_from_2_to_64 error ();
        end
        if ((A_W != 8 && A_W != 16) || (W_W != 8 && W_W != 16)) begin : g_bad_width
            conv_pe_error_A_W_and_W_W_are_8_or_16 error ();
        end
        if (ACC_W != 32 && ACC_W != 40 && ACC_W != 48) begin : g_bad_acc_w
            conv_pe_error_ACC_W_is_32_40_or_48 error ();
        end
        if (MODE < 0 || MODE > 2 || (MODE != 0 && (A_W != 16 || W_W != 16))) begin : g_bad_mode
            conv_pe_error_MODE_is_0_or_with_16_bit_operands_1_or_2 error ();
        end
        if ((TILE_PIXELS & (TILE_PIXELS - 1)) != 0 || TILE_PIXELS < 16 || TILE_PIXELS > 65536
            || (INPUT_WORDS & (INPUT_WORDS - 1)) != 0 || INPUT_WORDS < 16
            || INPUT_WORDS > 65536) begin : g_bad_depth
            conv_pe_error_depths_are_powers_of_two_from_16_to_65536 error ();
        end
    endgenerate

    // ------------------------------------------------------------ registers
    wire         start, irq_clear, soft_reset, busy, ready;
    wire [31:0]  watchdog, in_size, out_size, channels, kernel, post, in_base, pool;
    wire [7:0]   last_error;
    wire [15:0]  jobs_done;
    wire [31:0]  status = {jobs_done, last_error, 5'd0, ready, irq, busy};
    wire [223:0] result_0, result_1;
    wire         core_rst = rst || soft_reset;

    axil_regs #(
        .LANES({P_OC[15:0], P_IC[15:0]}),
        .WIDTHS({MODE[7:0], ACC_W[7:0], W_W[7:0], A_W[7:0]}),
        .TILE_PIXELS(TILE_PIXELS), .INPUT_WORDS(INPUT_WORDS)
    ) regs (
        .clk(clk), .rst(rst),
        .s_axil_awaddr(s_axil_awaddr), .s_axil_awvalid(s_axil_awvalid),
        .s_axil_awready(s_axil_awready),
        .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
        .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
        .s_axil_araddr(s_axil_araddr), .s_axil_arvalid(s_axil_arvalid),
        .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
        .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        .start(start), .irq_clear(irq_clear), .soft_reset(soft_reset), .watchdog(watchdog),
        .in_size(in_size), .out_size(out_size), .channels(channels), .kernel(kernel),
        .post(post), .in_base(in_base), .pool(pool),
        .ready(ready), .status(status), .result_0(result_0), .result_1(result_1)
    );

    // Three descriptors: the one that software writes, that of the job being
    // fetched, and that of the job in the array.
    reg  [31:0] fetch_in_size, fetch_out_size, fetch_channels;
    reg  [27:0] fetch_kernel;
    reg  [15:0] fetch_post, fetch_pool, fetch_base;
    reg  [31:0] array_in_size, array_out_size, array_channels;
    reg  [27:0] array_kernel;
    reg  [15:0] array_post, array_pool;
    wire [51:0] unused_descriptor = {kernel[31:28], post[31:16], in_base[31:16], pool[31:16]};

    // -------------------------------------------------------------- control
    wire              check_start, check_done, checking;
    wire [7:0]        check_error, fetch_error, end_error;
    wire              act_start, act_load, act_begun, act_complete, act_ended, act_early, act_late;
    wire              wgt_start, wgt_ours, wgt_ended, wgt_early, wgt_late;
    wire              launch, loading, fetch_failed, drop, normal, abort;
    wire              flush_start, flush_act, flush_wgt, close_valid, job_end;
    wire [1:0]        pending;
    wire [11:0]       in_groups, out_groups;
    wire [31:0]       in_words;
    wire [17:0]       passes;
    wire [10:0]       read_w, read_h;
    wire [ADDR_W-1:0] row_pitch, origin;
    wire              sequencing, skid_ready;
    wire              act_move, wgt_move, mac, out_valid;
    wire              out_move = m_axis_out_tvalid && m_axis_out_tready;
    wire              clear = core_rst || abort;

    job_check #(
        .P_IC(P_IC), .P_OC(P_OC), .ACC_W(ACC_W),
        .TILE_PIXELS(TILE_PIXELS), .INPUT_WORDS(INPUT_WORDS), .ADDR_W(ADDR_W)
    ) check (
        .clk(clk), .rst(core_rst), .start(check_start),
        .in_w(fetch_in_size[15:0]), .in_h(fetch_in_size[31:16]),
        .out_w(fetch_out_size[15:0]), .out_h(fetch_out_size[31:16]),
        .in_channels(fetch_channels[15:0]), .out_channels(fetch_channels[31:16]),
        .kh(fetch_kernel[3:0]), .kw(fetch_kernel[7:4]), .stride(fetch_kernel[9:8]),
        .pad_top(fetch_kernel[15:12]), .pad_bottom(fetch_kernel[19:16]),
        .pad_left(fetch_kernel[23:20]), .pad_right(fetch_kernel[27:24]),
        .shift(fetch_post[5:0]), .activation(fetch_post[13:12]), .in_base(fetch_base),
        .pool_size(fetch_pool[1:0]), .pool_stride_2(fetch_pool[4]),
        .pool_pad_bottom(fetch_pool[5]), .pool_pad_right(fetch_pool[6]),
        .upsample(fetch_pool[8]), .own(fetch_pool[12]),
        .done(check_done), .error(check_error),
        .in_groups(in_groups), .out_groups(out_groups), .in_words(in_words),
        .passes(passes), .read_w(read_w), .read_h(read_h),
        .row_pitch(row_pitch), .origin(origin)
    );
    wire [20:0] unused_fetch = {fetch_kernel[11:10], fetch_post[15:14], fetch_post[11:6],
                                fetch_pool[15:13], fetch_pool[11:9], fetch_pool[7],
                                fetch_pool[3:2], 2'd0};

    // The words that the fetched job's tile and the array's tile take.
    wire [16:0] fetch_first = {1'b0, fetch_base};
    wire [16:0] fetch_last  = fetch_first + in_words[16:0];
    wire [14:0] unused_words = in_words[31:17];
    reg  [16:0] array_first, array_last;
    reg         run_start;
    wire        array_busy  = sequencing || run_start;
    wire        apart       = fetch_first >= array_last || fetch_last <= array_first;

    job_fetch fetch (
        .clk(clk), .rst(core_rst), .start(start), .empty(ready),
        .check_start(check_start), .check_done(check_done), .check_error(check_error),
        .checking(checking),
        .room(apart || !array_busy), .act_start(act_start), .act_load(act_load),
        .act_complete(act_complete), .act_early(act_early), .act_late(act_late),
        .wgt_free(wgt_ended && !wgt_early && !wgt_late && normal), .wgt_start(wgt_start),
        .wgt_ours(wgt_ours), .wgt_early(wgt_early), .wgt_late(wgt_late),
        .array_free(!array_busy && !pending[1] && normal), .launch(launch), .loading(loading),
        .failed(fetch_failed), .error(fetch_error), .act_begun(act_begun), .drop(drop)
    );

    job_control control (
        .clk(clk), .rst(core_rst), .irq_clear(irq_clear), .watchdog(watchdog),
        .progress(act_move || wgt_move || mac || checking || out_move),
        .fetching(!ready), .launch(launch),
        .out_enter((close_valid || out_valid) && skid_ready), .out_leave(out_move),
        .out_end(out_move && m_axis_out_tlast && !m_axis_out_tuser),
        .fetch_failed(fetch_failed), .fetch_error(fetch_error),
        .run_wgt_early(wgt_early && !wgt_ours), .run_wgt_late(wgt_late && !wgt_ours),
        .act_ended(act_ended), .wgt_ended(wgt_ended),
        .normal(normal), .abort(abort), .flush_start(flush_start),
        .flush_act(flush_act), .flush_wgt(flush_wgt), .drop(drop),
        .close_valid(close_valid), .close_ready(skid_ready),
        .busy(busy), .pending(pending), .job_end(job_end), .end_error(end_error),
        .irq(irq), .error(last_error), .jobs_done(jobs_done)
    );

    // What the check derived is still there when the job is launched.
    reg [11:0]       array_in_groups, array_out_groups;
    reg [10:0]       array_read_w, array_read_h;
    reg [ADDR_W-1:0] array_pitch, array_origin;
    always @(posedge clk) begin
        if (start) begin
            fetch_in_size  <= in_size;
            fetch_out_size <= out_size;
            fetch_channels <= channels;
            fetch_kernel   <= kernel[27:0];
            fetch_post     <= post[15:0];
            fetch_pool     <= pool[15:0];
            fetch_base     <= in_base[15:0];
        end
        run_start <= launch;
        if (launch) begin
            array_in_size    <= fetch_in_size;
            array_out_size   <= fetch_out_size;
            array_channels   <= fetch_channels;
            array_kernel     <= fetch_kernel;
            array_post       <= fetch_post;
            array_pool       <= fetch_pool;
            array_in_groups  <= in_groups;
            array_out_groups <= out_groups;
            array_read_w     <= read_w;
            array_read_h     <= read_h;
            array_pitch      <= row_pitch;
            array_origin     <= origin;
            array_first      <= fetch_first;
            array_last       <= fetch_last;
        end
        if (clear)
            run_start <= 1'b0;
    end
    wire [51:0] unused_array = {array_in_size[31:26], array_in_size[15:10], array_out_size[31:26],
                                array_out_size[15:10], array_channels[15:0], array_kernel[27:24],
                                array_kernel[19:16], array_kernel[11:10], array_kernel[8], 1'b0};

    // --------------------------------------------------------------- inputs
    wire [ACT_W-1:0] act_data;
    wire             act_last, act_valid, act_ready;
    wire [WGT_W-1:0] wgt_data;
    wire             wgt_last, wgt_valid, wgt_ready;

    assign act_move = act_valid && act_ready;
    assign wgt_move = wgt_valid && wgt_ready;

    axis_skid #(.DATA_W(ACT_W)) act_skid (
        .clk(clk), .rst(core_rst),
        .s_data(s_axis_act_tdata), .s_side(s_axis_act_tlast),
        .s_valid(s_axis_act_tvalid), .s_ready(s_axis_act_tready),
        .m_data(act_data), .m_side(act_last), .m_valid(act_valid), .m_ready(act_ready)
    );

    axis_skid #(.DATA_W(WGT_W)) wgt_skid (
        .clk(clk), .rst(core_rst),
        .s_data(s_axis_wgt_tdata), .s_side(s_axis_wgt_tlast),
        .s_valid(s_axis_wgt_tvalid), .s_ready(s_axis_wgt_tready),
        .m_data(wgt_data), .m_side(wgt_last), .m_valid(wgt_valid), .m_ready(wgt_ready)
    );

    wire              wr_en;
    wire [ADDR_W-1:0] wr_addr;
    wire [ACT_W-1:0]  wr_data;

    act_loader #(.WORD_W(ACT_W), .ADDR_W(ADDR_W)) loader (
        .clk(clk), .rst(core_rst),
        .start(act_start || (flush_start && !act_begun)), .load(act_load), .swallow(flush_act),
        .in_base(fetch_base[ADDR_W-1:0]), .in_words(in_words),
        .s_data(act_data), .s_last(act_last), .s_valid(act_valid), .s_ready(act_ready),
        .wr_en(wr_en), .wr_addr(wr_addr), .wr_data(wr_data),
        .ended(act_ended), .complete(act_complete), .early(act_early), .late(act_late)
    );

    wire            bias_shift, weights_full, swap_weights, swap_bias;
    wire [P_OC-1:0] lane_load;

    weight_loader #(.P_OC(P_OC), .BIAS_BEATS(BIAS_BEATS)) weights (
        .clk(clk), .rst(core_rst || close_valid),
        .start(wgt_start || (flush_start && !wgt_ours)), .load(normal), .swallow(flush_wgt),
        .passes(passes), .out_groups(out_groups),
        .s_last(wgt_last), .s_valid(wgt_valid), .s_ready(wgt_ready),
        .bias_shift(bias_shift), .lane_load(lane_load),
        .weights_full(weights_full),
        .swap_weights(swap_weights), .swap_bias(swap_bias),
        .ended(wgt_ended), .early(wgt_early), .late(wgt_late)
    );

    // -------------------------------------------------------------- compute
    wire                  bank_opened, group_open, group_done, done_bank;
    wire                  drain_read, drain_bank, word_bank, step;
    wire                  waiting_bank, waiting_weights;
    wire [1:0]            bank_free;
    wire [PIXEL_W-1:0]    drain_pixel;
    wire [P_OC*ACC_W-1:0] sums;

    compute_core #(
        .P_IC(P_IC), .P_OC(P_OC), .A_W(A_W), .W_W(W_W), .ACC_W(ACC_W), .MODE(MODE),
        .TILE_PIXELS(TILE_PIXELS), .INPUT_WORDS(INPUT_WORDS), .ADDR_W(ADDR_W), .PIXEL_W(PIXEL_W)
    ) compute (
        .clk(clk), .rst(clear),
        .start(run_start),
        .in_groups(array_in_groups), .out_groups(array_out_groups), .own(array_pool[12]),
        .in_w(array_in_size[9:0]), .in_h(array_in_size[25:16]),
        .out_w(array_out_size[9:0]), .out_h(array_out_size[25:16]),
        .kh(array_kernel[3:0]), .kw(array_kernel[7:4]), .stride_2(array_kernel[9]),
        .pad_top(array_kernel[15:12]), .pad_left(array_kernel[23:20]),
        .row_pitch(array_pitch), .origin(array_origin),
        .wr_en(wr_en), .wr_addr(wr_addr), .wr_data(wr_data),
        .beat(wgt_data), .bias_shift(bias_shift), .lane_load(lane_load),
        .weights_full(weights_full), .swap_weights(swap_weights), .swap_bias(swap_bias),
        .bank_free(bank_free), .group_open(group_open), .bank(bank_opened),
        .group_done(group_done), .done_bank(done_bank),
        .drain_read(drain_read), .drain_bank(drain_bank), .drain_pixel(drain_pixel),
        .word_bank(word_bank), .sums(sums),
        .running(sequencing), .mac(mac), .waiting_bank(waiting_bank),
        .waiting_weights(waiting_weights)
    );

    // --------------------------------------------------------------- output
    wire [P_OC-1:0]   out_keep;
    wire              out_last;
    wire              word_valid, round_valid, value_valid, value_first, value_floor, value_last;
    wire [15:0]       read_post;
    wire [OUT_W-1:0]  tap;                 // activated, before the pool; the bench looks here
    wire [OUT_W:0]    unused_tap = {value_last, tap};
    wire [OUT_W-1:0]  out_data;
    wire [KEEP_W-1:0] out_bytes;

    drain #(.P_OC(P_OC), .PIXEL_W(PIXEL_W)) drainer (
        .clk(clk), .rst(clear),
        .start(run_start), .width(array_out_size[9:0]), .height(array_out_size[25:16]),
        .out_width(array_read_w), .out_height(array_read_h),
        .post(array_post), .pool(array_pool), .channels(array_channels[31:16]),
        .group_open(group_open), .group_bank(bank_opened),
        .group_done(group_done), .done_bank(done_bank), .bank_free(bank_free),
        .read(drain_read), .read_bank(drain_bank), .read_pixel(drain_pixel),
        .word_bank(word_bank), .step(step), .read_post(read_post),
        .word_valid(word_valid), .round_valid(round_valid), .value_valid(value_valid),
        .value_first(value_first), .value_floor(value_floor), .value_last(value_last),
        .out_keep(out_keep), .out_last(out_last), .out_valid(out_valid), .out_ready(skid_ready)
    );

    output_stage #(.P_OC(P_OC), .ACC_W(ACC_W), .A_W(A_W)) post_stage (
        .clk(clk), .step(step), .read_post(read_post),
        .word_valid(word_valid), .sums(sums), .round_valid(round_valid),
        .value_valid(value_valid), .value_first(value_first), .value_floor(value_floor),
        .values(tap), .highest(out_data)
    );

    genvar o;
    generate
        for (o = 0; o < P_OC; o = o + 1) begin : g_keep
            assign out_bytes[o*A_W/8 +: A_W/8] = {(A_W/8){out_keep[o]}};
        end
    endgenerate

    // A failed job sends one empty beat with TLAST and TUSER.
    axis_skid #(.DATA_W(OUT_W), .SIDE_W(KEEP_W + 2)) out_skid (
        .clk(clk), .rst(core_rst),
        .s_data(close_valid ? {OUT_W{1'b0}} : out_data),
        .s_side(close_valid ? {{KEEP_W{1'b0}}, 2'b11} : {out_bytes, 1'b0, out_last}),
        .s_valid(close_valid || out_valid), .s_ready(skid_ready),
        .m_data(m_axis_out_tdata),
        .m_side({m_axis_out_tkeep, m_axis_out_tuser, m_axis_out_tlast}),
        .m_valid(m_axis_out_tvalid), .m_ready(m_axis_out_tready)
    );

    perf_counters counters (
        .clk(clk), .rst(core_rst), .busy(busy),
        .mac(mac), .loading(loading && !array_busy), .waiting_weights(waiting_weights),
        .draining(waiting_bank || (!array_busy && pending != 2'd0)),
        .job_end(job_end), .slot(jobs_done[0]), .end_error(end_error),
        .result_0(result_0), .result_1(result_1)
    );

endmodule

`default_nettype wire
