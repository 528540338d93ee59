// Convolution processing element: a weight-stationary MAC array with its
// buffers and its output arithmetic, run by descriptors.
//
// Contract    out = clip(round(act(bias + sum of contributions))), to the bit as
//             golden.spec computes it (docs/numerics.md)
// Latency     check, tile load, then passes x max(pixels, P_OC) cycles a group
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

    // AXI4-Stream: results, output group by output group, pixels in raster order
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
    wire        start, irq_clear, soft_reset, busy;
    wire [31:0] watchdog, in_size, out_size, channels, kernel, post, in_base;
    wire [7:0]  job_error;
    wire [15:0] jobs_done;
    wire [31:0] status = {jobs_done, job_error, 5'd0, !busy, irq, busy};
    wire [31:0] cycles, mac_cycles, stall_input, stall_weights, stall_drain, stall_other;
    wire        core_rst = rst || soft_reset;

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
        .post(post), .in_base(in_base),
        .ready(!busy), .status(status),
        .cycles(cycles), .mac_cycles(mac_cycles), .stall_input(stall_input),
        .stall_weights(stall_weights), .stall_drain(stall_drain), .stall_other(stall_other)
    );

    // The running job's descriptor; software may write the next one meanwhile.
    reg [31:0] job_in_size, job_out_size, job_channels;
    reg [27:0] job_kernel;
    reg [15:0] job_post, job_in_base;
    always @(posedge clk) begin
        if (start) begin
            job_in_size  <= in_size;
            job_out_size <= out_size;
            job_channels <= channels;
            job_kernel   <= kernel[27:0];
            job_post     <= post[15:0];
            job_in_base  <= in_base[15:0];
        end
    end
    wire [35:0] unused_descriptor = {kernel[31:28], post[31:16], in_base[31:16]};
    wire [3:0]  unused_post       = {job_post[11:10], job_post[7:6]};

    wire [3:0] kh         = job_kernel[3:0];
    wire [3:0] kw         = job_kernel[7:4];
    wire [1:0] stride     = job_kernel[9:8];
    wire [1:0] unused_kernel = job_kernel[11:10];
    wire [3:0] pad_top    = job_kernel[15:12];
    wire [3:0] pad_bottom = job_kernel[19:16];
    wire [3:0] pad_left   = job_kernel[23:20];
    wire [3:0] pad_right  = job_kernel[27:24];

    // -------------------------------------------------------------- control
    wire              check_start, check_done, load_start, run_start, abort, loading;
    wire [7:0]        check_error;
    wire              load_act, load_wgt, swallow, close_valid;
    wire              act_complete, act_ended, act_early, act_late;
    wire              wgt_complete, wgt_ended, wgt_early, wgt_late;
    wire [11:0]       in_groups, out_groups;
    wire [31:0]       in_words, pixels;
    wire [17:0]       passes;
    wire [ADDR_W-1:0] row_pitch, origin;
    wire              sequencing, drain_idle, skid_ready;
    wire              act_move, wgt_move, mac;
    wire              clear = core_rst || abort;

    job_check #(
        .P_IC(P_IC), .P_OC(P_OC), .ACC_W(ACC_W),
        .TILE_PIXELS(TILE_PIXELS), .INPUT_WORDS(INPUT_WORDS), .ADDR_W(ADDR_W)
    ) check (
        .clk(clk), .rst(core_rst), .start(check_start),
        .in_w(job_in_size[15:0]), .in_h(job_in_size[31:16]),
        .out_w(job_out_size[15:0]), .out_h(job_out_size[31:16]),
        .in_channels(job_channels[15:0]), .out_channels(job_channels[31:16]),
        .kh(kh), .kw(kw), .stride(stride),
        .pad_top(pad_top), .pad_bottom(pad_bottom), .pad_left(pad_left), .pad_right(pad_right),
        .shift(job_post[5:0]), .activation(job_post[13:12]), .in_base(job_in_base),
        .done(check_done), .error(check_error),
        .in_groups(in_groups), .out_groups(out_groups), .in_words(in_words),
        .passes(passes), .pixels(pixels), .row_pitch(row_pitch), .origin(origin)
    );

    job_control control (
        .clk(clk), .rst(core_rst),
        .start(start), .irq_clear(irq_clear), .watchdog(watchdog),
        .progress(act_move || wgt_move || mac || (m_axis_out_tvalid && m_axis_out_tready)),
        .check_start(check_start), .check_done(check_done), .check_error(check_error),
        .load_start(load_start), .load_act(load_act), .load_wgt(load_wgt), .swallow(swallow),
        .act_complete(act_complete), .act_ended(act_ended),
        .act_early(act_early), .act_late(act_late),
        .wgt_complete(wgt_complete), .wgt_ended(wgt_ended),
        .wgt_early(wgt_early), .wgt_late(wgt_late),
        .run_start(run_start), .sequencer_idle(!sequencing),
        .pipeline_idle(drain_idle && !m_axis_out_tvalid), .abort(abort),
        .close_valid(close_valid), .close_ready(skid_ready),
        .busy(busy), .loading(loading), .irq(irq), .error(job_error), .jobs_done(jobs_done)
    );

    // --------------------------------------------------------------- inputs
    wire [ACT_W-1:0] act_data;
    wire             act_last, act_valid, act_ready;
    wire [WGT_W-1:0] wgt_data;
    wire             wgt_last, wgt_valid, wgt_ready;

    assign act_move = act_valid && act_ready;
    assign wgt_move = wgt_valid && wgt_ready;

    axis_skid #(.DATA_W(ACT_W + 1)) act_skid (
        .clk(clk), .rst(core_rst),
        .s_data({s_axis_act_tlast, s_axis_act_tdata}),
        .s_valid(s_axis_act_tvalid), .s_ready(s_axis_act_tready),
        .m_data({act_last, act_data}), .m_valid(act_valid), .m_ready(act_ready)
    );

    axis_skid #(.DATA_W(WGT_W + 1)) wgt_skid (
        .clk(clk), .rst(core_rst),
        .s_data({s_axis_wgt_tlast, s_axis_wgt_tdata}),
        .s_valid(s_axis_wgt_tvalid), .s_ready(s_axis_wgt_tready),
        .m_data({wgt_last, wgt_data}), .m_valid(wgt_valid), .m_ready(wgt_ready)
    );

    wire              wr_en;
    wire [ADDR_W-1:0] wr_addr;
    wire [ACT_W-1:0]  wr_data;

    act_loader #(.WORD_W(ACT_W), .ADDR_W(ADDR_W)) loader (
        .clk(clk), .rst(core_rst),
        .start(load_start), .load(load_act), .swallow(swallow),
        .in_base(job_in_base[ADDR_W-1:0]), .in_words(in_words),
        .s_data(act_data), .s_last(act_last), .s_valid(act_valid), .s_ready(act_ready),
        .wr_en(wr_en), .wr_addr(wr_addr), .wr_data(wr_data),
        .ended(act_ended), .complete(act_complete), .early(act_early), .late(act_late)
    );

    wire            bias_shift, weights_full, swap_weights, swap_bias;
    wire [P_OC-1:0] lane_load;

    weight_loader #(.P_OC(P_OC), .BIAS_BEATS(BIAS_BEATS)) weights (
        .clk(clk), .rst(core_rst),
        .start(load_start), .load(load_wgt), .swallow(swallow),
        .passes(passes), .out_groups(out_groups),
        .s_last(wgt_last), .s_valid(wgt_valid), .s_ready(wgt_ready),
        .bias_shift(bias_shift), .lane_load(lane_load),
        .weights_full(weights_full),
        .swap_weights(swap_weights), .swap_bias(swap_bias),
        .ended(wgt_ended), .complete(wgt_complete), .early(wgt_early), .late(wgt_late)
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
        .start(run_start), .in_groups(in_groups), .out_groups(out_groups),
        .in_w(job_in_size[9:0]), .in_h(job_in_size[25:16]),
        .out_w(job_out_size[9:0]), .out_h(job_out_size[25:16]),
        .kw(kw), .kh(kh), .stride_2(stride[1]), .pad_top(pad_top), .pad_left(pad_left),
        .row_pitch(row_pitch), .origin(origin),
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
    wire              out_last, out_valid;
    wire [OUT_W-1:0]  out_data;
    wire [KEEP_W-1:0] out_bytes;

    drain #(.P_OC(P_OC), .PIXEL_W(PIXEL_W)) drainer (
        .clk(clk), .rst(clear),
        .start(run_start), .pixels(pixels), .out_groups(out_groups),
        .out_channels(job_channels[31:16]),
        .group_open(group_open), .group_bank(bank_opened),
        .group_done(group_done), .done_bank(done_bank), .bank_free(bank_free),
        .read(drain_read), .read_bank(drain_bank), .read_pixel(drain_pixel),
        .word_bank(word_bank), .step(step),
        .out_keep(out_keep), .out_last(out_last), .out_valid(out_valid), .out_ready(skid_ready),
        .idle(drain_idle)
    );

    output_stage #(.P_OC(P_OC), .ACC_W(ACC_W), .A_W(A_W)) post_stage (
        .clk(clk), .step(step),
        .activation(job_post[13:12]), .slope_13_128(job_post[14]), .act_first(job_post[15]),
        .floor(job_post[8]), .wrap(job_post[9]), .shift(job_post[5:0]),
        .sums(sums), .values(out_data)
    );

    genvar o;
    generate
        for (o = 0; o < P_OC; o = o + 1) begin : g_keep
            assign out_bytes[o*A_W/8 +: A_W/8] = {(A_W/8){out_keep[o]}};
        end
    endgenerate

    // A failed job sends one empty beat with TLAST and TUSER.
    axis_skid #(.DATA_W(OUT_W + KEEP_W + 2)) out_skid (
        .clk(clk), .rst(core_rst),
        .s_data(close_valid ? {{KEEP_W{1'b0}}, {OUT_W{1'b0}}, 2'b11}
                            : {out_bytes, out_data, 1'b0, out_last}),
        .s_valid(close_valid || out_valid), .s_ready(skid_ready),
        .m_data({m_axis_out_tkeep, m_axis_out_tdata, m_axis_out_tuser, m_axis_out_tlast}),
        .m_valid(m_axis_out_tvalid), .m_ready(m_axis_out_tready)
    );

    perf_counters counters (
        .clk(clk), .rst(core_rst), .clear(start), .busy(busy),
        .mac(mac), .loading(loading), .waiting_weights(waiting_weights),
        .draining(waiting_bank || !sequencing && !drain_idle),
        .cycles(cycles), .mac_cycles(mac_cycles), .stall_input(stall_input),
        .stall_weights(stall_weights), .stall_drain(stall_drain), .stall_other(stall_other)
    );

endmodule

`default_nettype wire
