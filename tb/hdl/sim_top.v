// Simulation top: the PE with its clock, stream players and recorder.
//
// The clock is made here, since a clock toggled from Python would cost more than
// the array does. Python drives AXI4-Lite and the job ports, and awaits ready and
// attention.
`default_nettype none

module sim_top #(
    parameter integer P_IC        = 16,
    parameter integer P_OC        = 16,
    parameter integer A_W         = 16,
    parameter integer W_W         = 16,
    parameter integer ACC_W       = 40,
    parameter integer MODE        = 0,
    parameter integer TILE_PIXELS = 1024,
    parameter integer INPUT_WORDS = 8192,
    parameter integer PROBE       = 0      // 1: follow one value through the PE
) (
    output reg         clk,
    input  wire        rst,
    input  wire        stream_rst,         // resets the players and the recorder alone

    input  wire [7:0]  s_axil_awaddr,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [31:0] s_axil_wdata,
    input  wire [3:0]  s_axil_wstrb,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output wire [1:0]  s_axil_bresp,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [7:0]  s_axil_araddr,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output wire [31:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,
    output wire        irq,

    input  wire        job_go,             // a change orders the streams of a job
    input  wire [31:0] job,                // number in the file names
    input  wire [31:0] act_beats,
    input  wire [31:0] wgt_job,            // number in the weight file's name
    input  wire [31:0] wgt_beats,
    input  wire [31:0] out_expected,       // output beats of the job
    input  wire        tap_wanted,         // record the activation stage as well
    input  wire [31:0] act_drop,           // activation beat to lose; all ones: none
    input  wire [31:0] act_hold,           // beats after which a stream dries up; likewise
    input  wire [31:0] wgt_hold,
    input  wire [7:0]  act_stall,          // in 256ths
    input  wire [7:0]  wgt_stall,
    input  wire [7:0]  out_stall,
    input  wire [63:0] job_limit,          // cycles without an end until the bench gives up

    output wire        ready,              // the PE would take a start
    output reg  [31:0] ended,              // jobs that have ended, their files whole
    output reg         attention,          // changes with ended, timeout and the rise of ready
    output reg         timeout,
    output wire        rule_broken,        // a checker's sentence is in checker.txt
    output wire [31:0] out_beats,
    output wire [31:0] out_unknown,        // recorded beats with an X or a Z
    output wire [63:0] out_unknown_cycle,  // of the first
    output wire [31:0] tap_unknown,        // likewise, behind the activation
    output wire [63:0] tap_unknown_cycle,
    output reg  [63:0] cycle,
    output reg  [63:0] start_cycle,        // of the last start
    output reg  [63:0] end_cycle           // of the last end
);

    initial begin
        clk   = 1'b0;
        cycle = 64'd0;
    end
    always #5 clk = !clk;

    wire [P_IC*A_W-1:0]   act_tdata;
    wire                  act_tvalid, act_tready, act_tlast;
    wire [P_IC*W_W-1:0]   wgt_tdata;
    wire                  wgt_tvalid, wgt_tready, wgt_tlast;
    wire [P_OC*A_W-1:0]   out_tdata;
    wire [P_OC*A_W/8-1:0] out_tkeep;
    wire                  out_tvalid, out_tready, out_tlast, out_tuser;
    wire [31:0]           act_length, wgt_length, out_length;
    wire [31:0]           out_ended, tap_ended;
    wire                  unused_tap_ready;
    wire [31:0]           unused_tap_beats, unused_tap_length;

    conv_pe #(
        .P_IC(P_IC), .P_OC(P_OC), .A_W(A_W), .W_W(W_W), .ACC_W(ACC_W), .MODE(MODE),
        .TILE_PIXELS(TILE_PIXELS), .INPUT_WORDS(INPUT_WORDS)
    ) dut (
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
        .irq(irq),
        .s_axis_act_tdata(act_tdata), .s_axis_act_tvalid(act_tvalid),
        .s_axis_act_tready(act_tready), .s_axis_act_tlast(act_tlast),
        .s_axis_wgt_tdata(wgt_tdata), .s_axis_wgt_tvalid(wgt_tvalid),
        .s_axis_wgt_tready(wgt_tready), .s_axis_wgt_tlast(wgt_tlast),
        .m_axis_out_tdata(out_tdata), .m_axis_out_tkeep(out_tkeep),
        .m_axis_out_tvalid(out_tvalid), .m_axis_out_tready(out_tready),
        .m_axis_out_tlast(out_tlast), .m_axis_out_tuser(out_tuser)
    );

    wire bench_rst = rst || stream_rst;

    stream_player #(.BEAT_W(P_IC * A_W), .KIND("act"), .SEED(32'd11)) act_player (
        .clk(clk), .rst(bench_rst), .go(job_go), .job(job), .beats(act_beats), .drop(act_drop),
        .hold(act_hold), .stall(act_stall),
        .tdata(act_tdata), .tvalid(act_tvalid), .tready(act_tready), .tlast(act_tlast),
        .length(act_length)
    );

    stream_player #(.BEAT_W(P_IC * W_W), .KIND("wgt"), .SEED(32'd23)) wgt_player (
        .clk(clk), .rst(bench_rst), .go(job_go), .job(wgt_job), .beats(wgt_beats),
        .drop(32'hFFFF_FFFF), .hold(wgt_hold), .stall(wgt_stall),
        .tdata(wgt_tdata), .tvalid(wgt_tvalid), .tready(wgt_tready), .tlast(wgt_tlast),
        .length(wgt_length)
    );

    stream_recorder #(.DATA_W(P_OC * A_W), .KIND("out"), .SEED(32'd37)) out_recorder (
        .clk(clk), .rst(bench_rst), .go(job_go), .job(job), .length(out_expected), .wanted(1'b1),
        .skip(1'b0), .stall(out_stall), .cycle(cycle),
        .tdata(out_tdata), .tkeep(out_tkeep), .tvalid(out_tvalid), .tready(out_tready),
        .tlast(out_tlast), .tuser(out_tuser),
        .ended(out_ended), .beats(out_beats), .expected(out_length),
        .unknown(out_unknown), .unknown_cycle(out_unknown_cycle)
    );

    // The tap: every value behind the activation, before it is pooled. A job that fails
    // shows no last value there.
    stream_recorder #(.DATA_W(P_OC * A_W), .KIND("tap"), .SEED(32'd41)) tap_recorder (
        .clk(clk), .rst(bench_rst), .go(job_go), .job(job), .length(32'd0), .wanted(tap_wanted),
        .skip(out_tvalid && out_tready && out_tuser && tap_ended == out_ended),
        .stall(8'd0), .cycle(cycle),
        .tdata(dut.tap), .tkeep({(P_OC*A_W/8){1'b1}}), .tvalid(dut.value_valid && dut.step),
        .tready(unused_tap_ready), .tlast(dut.value_last), .tuser(1'b0),
        .ended(tap_ended), .beats(unused_tap_beats), .expected(unused_tap_length),
        .unknown(tap_unknown), .unknown_cycle(tap_unknown_cycle)
    );

    wire act_broken, wgt_broken, out_broken, axil_broken, known_broken;
    assign rule_broken = act_broken || wgt_broken || out_broken || axil_broken || known_broken;

    axis_checker #(.DATA_W(P_IC * A_W), .NAME("s_axis_act")) act_checker (
        .clk(clk), .rst(bench_rst), .pe_rst(rst),
        .tdata(act_tdata), .tkeep({(P_IC*A_W/8){1'b1}}), .tvalid(act_tvalid), .tready(act_tready),
        .tlast(act_tlast), .tuser(1'b0), .beats(act_drop == 32'hFFFF_FFFF ? act_length : 32'd0),
        .broken(act_broken)
    );

    axis_checker #(.DATA_W(P_IC * W_W), .NAME("s_axis_wgt")) wgt_checker (
        .clk(clk), .rst(bench_rst), .pe_rst(rst),
        .tdata(wgt_tdata), .tkeep({(P_IC*W_W/8){1'b1}}), .tvalid(wgt_tvalid), .tready(wgt_tready),
        .tlast(wgt_tlast), .tuser(1'b0), .beats(wgt_length), .broken(wgt_broken)
    );

    axis_checker #(.DATA_W(P_OC * A_W), .NAME("m_axis_out")) out_checker (
        .clk(clk), .rst(bench_rst), .pe_rst(rst),
        .tdata(out_tdata), .tkeep(out_tkeep), .tvalid(out_tvalid), .tready(out_tready),
        .tlast(out_tlast), .tuser(out_tuser), .beats(out_length), .broken(out_broken)
    );

    axil_checker registers_checker (
        .clk(clk), .rst(rst),
        .awaddr(s_axil_awaddr), .awvalid(s_axil_awvalid), .awready(s_axil_awready),
        .wdata(s_axil_wdata), .wstrb(s_axil_wstrb), .wvalid(s_axil_wvalid), .wready(s_axil_wready),
        .bresp(s_axil_bresp), .bvalid(s_axil_bvalid), .bready(s_axil_bready),
        .araddr(s_axil_araddr), .arvalid(s_axil_arvalid), .arready(s_axil_arready),
        .rdata(s_axil_rdata), .rresp(s_axil_rresp), .rvalid(s_axil_rvalid), .rready(s_axil_rready),
        .irq(irq), .broken(axil_broken)
    );

    known_checker #(.WIDTH(32)) control_checker (
        .clk(clk), .rst(rst),
        .signals({dut.busy, dut.ready, dut.abort, dut.pending, dut.loading, dut.start,
                  dut.soft_reset, dut.launch, dut.last_error,
                  dut.act_ended, dut.wgt_ended, dut.weights_full, dut.sequencing,
                  dut.compute.issue, dut.compute.valid_1, dut.compute.valid_2,
                  dut.compute.valid_3, dut.bank_free, dut.value_valid, dut.out_valid,
                  dut.skid_ready, dut.act_valid, dut.wgt_valid}),
        .broken(known_broken)
    );

    // The bench's view: a job has ended when the PE says so and its file is whole.
    // One signal tells Python of everything that it may be waiting for: each one more
    // would cost in every cycle.
    reg [31:0] started, pe_ended;
    reg [63:0] quiet_since;
    reg        was_ready;
    assign ready = dut.ready;
    wire owed    = started != ended;
    wire another = ended != pe_ended && ended != out_ended;
    wire give_up = !timeout && (rule_broken || (owed && cycle - quiet_since >= job_limit));
    initial begin
        ended       = 32'd0;
        started     = 32'd0;
        pe_ended    = 32'd0;
        start_cycle = 64'd0;
        end_cycle   = 64'd0;
        timeout     = 1'b0;
        attention   = 1'b0;
        was_ready   = 1'b0;
    end
    always @(posedge clk) begin
        cycle     <= cycle + 64'd1;
        was_ready <= ready;
        if (dut.start) begin
            start_cycle <= cycle;
            started     <= started + 32'd1;
        end
        if (dut.job_end)
            pe_ended <= pe_ended + 32'd1;
        if (dut.start || another || !owed)
            quiet_since <= cycle;
        if (another || give_up || (ready && !was_ready))
            attention <= !attention;
        if (another) begin
            ended     <= ended + 32'd1;
            end_cycle <= cycle;
        end else if (give_up)
            timeout <= 1'b1;
        if (bench_rst) begin
            ended       <= 32'd0;
            started     <= 32'd0;
            pe_ended    <= 32'd0;
            timeout     <= 1'b0;
            quiet_since <= cycle;
        end
    end

    generate
        if (PROBE != 0) begin : g_probe
            localparam integer GROWN_W    = MODE == 0 ? 32 + $clog2(P_IC) : 32;
            localparam integer HIGH_W     = ACC_W > 32 ? ACC_W - 32 : 1;
            localparam integer WGT_W      = P_IC * W_W;
            localparam integer WIDE_W     = ACC_W + 4;
            localparam integer BIAS_BEATS = (P_OC * 64 + WGT_W - 1) / WGT_W;
            localparam integer GAP_W      = 32 - $clog2(INPUT_WORDS);
            localparam [GAP_W-1:0] ADDR_GAP = 0;

            // What the lanes hold, side by side.
            wire [P_OC*WGT_W-1:0]  shadows;
            wire [P_OC*ACC_W-1:0]  bias, old, sum;
            wire [P_OC*WIDE_W-1:0] rounded;
            wire [P_OC*A_W-1:0]    values, highest;
            genvar o;
            for (o = 0; o < P_OC; o = o + 1) begin : g_lane
                wire [HIGH_W+31:0] start = {
                    dut.compute.accumulators.high_bias[o*HIGH_W +: HIGH_W],
                    dut.compute.accumulators.low_bias[o*32 +: 32]};
                wire [HIGH_W+31:0] taken = {dut.compute.accumulators.g_lane[o].high,
                                            dut.compute.accumulators.g_lane[o].low};
                wire [HIGH_W+31:0] made  = dut.compute.accumulators.g_lane[o].sum;
                wire [2:0] unused_sign = {start[HIGH_W+31], taken[HIGH_W+31], made[HIGH_W+31]};
                assign shadows[o*WGT_W +: WGT_W]   = dut.compute.array.g_lane[o].shadow;
                assign bias[o*ACC_W +: ACC_W]      = start[ACC_W-1:0];
                assign old[o*ACC_W +: ACC_W]       = taken[ACC_W-1:0];
                assign sum[o*ACC_W +: ACC_W]       = made[ACC_W-1:0];
                assign rounded[o*WIDE_W +: WIDE_W] = dut.post_stage.g_lane[o].lane.rounded;
                assign values[o*A_W +: A_W]        = dut.post_stage.g_lane[o].lane.value;
                assign highest[o*A_W +: A_W]       = dut.post_stage.g_lane[o].lane.highest;
            end

            job_probe #(
                .P_IC(P_IC), .P_OC(P_OC), .A_W(A_W), .W_W(W_W), .ACC_W(ACC_W),
                .DOT_W(GROWN_W < ACC_W ? GROWN_W : ACC_W), .MODE(MODE),
                .ADDR_W($clog2(INPUT_WORDS)), .PIXEL_W($clog2(TILE_PIXELS)),
                .BIAS_BEATS(BIAS_BEATS)
            ) probe (
                .clk(clk), .cycle(cycle), .gave_up(give_up),
                .state({4'd0, !dut.wgt_ended, dut.pending, dut.control.state, dut.fetch.state,
                        dut.loading, dut.wgt_ready, dut.wgt_valid, dut.act_ready, dut.act_valid,
                        out_tready, out_tvalid, dut.skid_ready, dut.out_valid, dut.step,
                        dut.drainer.read_bank, dut.drainer.reading, dut.drainer.full,
                        dut.bank_free, dut.sequencing, dut.waiting_bank, dut.waiting_weights,
                        dut.weights_full}),
                .start(dut.start), .run_start(dut.run_start),
                .settings({dut.array_in_size, dut.array_out_size, dut.array_channels,
                           {4'd0, dut.array_kernel}, {16'd0, dut.array_post},
                           {16'd0, dut.array_pool}, {20'd0, dut.array_in_groups},
                           {20'd0, dut.array_out_groups}, {21'd0, dut.array_read_w},
                           {21'd0, dut.array_read_h},
                           {{(32-$clog2(INPUT_WORDS)){1'b0}}, dut.array_pitch},
                           {{(32-$clog2(INPUT_WORDS)){1'b0}}, dut.array_origin}}),
                .ports({{20'd0, dut.compute.in_groups}, {20'd0, dut.compute.out_groups},
                        {31'd0, dut.compute.own}, {22'd0, dut.compute.in_w},
                        {22'd0, dut.compute.in_h}, {22'd0, dut.compute.out_w},
                        {22'd0, dut.compute.out_h}, {28'd0, dut.compute.kw},
                        {28'd0, dut.compute.kh}, {31'd0, dut.compute.stride_2},
                        {28'd0, dut.compute.pad_top}, {28'd0, dut.compute.pad_left},
                        {{(32-$clog2(INPUT_WORDS)){1'b0}}, dut.compute.row_pitch},
                        {{(32-$clog2(INPUT_WORDS)){1'b0}}, dut.compute.origin},
                        {22'd0, dut.drainer.width}, {22'd0, dut.drainer.height},
                        {21'd0, dut.drainer.out_width}, {21'd0, dut.drainer.out_height},
                        {16'd0, dut.drainer.post}, {16'd0, dut.drainer.pool},
                        {16'd0, dut.drainer.channels}}),
                .sequencing(dut.sequencing),
                .walked({{20'd0, dut.compute.sequencer.in_groups},
                         {20'd0, dut.compute.sequencer.out_groups},
                         {31'd0, dut.compute.sequencer.own},
                         {22'd0, dut.compute.sequencer.in_w}, {22'd0, dut.compute.sequencer.in_h},
                         {22'd0, dut.compute.sequencer.out_w},
                         {22'd0, dut.compute.sequencer.out_h},
                         {28'd0, dut.compute.sequencer.kw}, {28'd0, dut.compute.sequencer.kh},
                         {31'd0, dut.compute.sequencer.stride_2},
                         {28'd0, dut.compute.sequencer.pad_top},
                         {28'd0, dut.compute.sequencer.pad_left},
                         {ADDR_GAP, dut.compute.sequencer.row_pitch},
                         {ADDR_GAP, dut.compute.sequencer.origin}}),
                .walk_copies({{20'd0, dut.compute.sequencer.groups_left},
                              {ADDR_GAP, dut.compute.sequencer.pixel_addr},
                              {ADDR_GAP, dut.compute.sequencer.line_addr},
                              {ADDR_GAP, dut.compute.sequencer.tap_addr},
                              {ADDR_GAP, dut.compute.sequencer.ky_addr},
                              {ADDR_GAP, dut.compute.sequencer.group_addr},
                              {ADDR_GAP, dut.compute.sequencer.first_addr},
                              {19'd0, dut.compute.sequencer.iy}, {19'd0, dut.compute.sequencer.ix},
                              {19'd0, dut.compute.sequencer.tap_y},
                              {19'd0, dut.compute.sequencer.tap_x},
                              {16'd0, dut.drainer.channels_left}}),
                .load_ports({{ADDR_GAP, dut.loader.in_base}, dut.loader.in_words}),
                .load_copies({{ADDR_GAP, dut.loader.address}, dut.loader.words_left}),
                .wgt_ports({{14'd0, dut.weights.passes}, {20'd0, dut.weights.out_groups}}),
                .wgt_copies({{14'd0, dut.weights.group_passes}, {14'd0, dut.weights.passes_left},
                             {20'd0, dut.weights.groups_left}}),
                .job_end(dut.job_end), .end_error(dut.end_error), .clear(dut.clear),
                .act_start(dut.act_start), .act_move(dut.act_move),
                .wr_en(dut.compute.tile.wr_en), .wr_addr(dut.compute.tile.wr_addr),
                .wr_data(dut.compute.tile.wr_data),
                .tile_ports({dut.compute.tile.rd_en, dut.compute.tile.rd_addr,
                             dut.compute.tile.wr_en, dut.compute.tile.wr_addr}),
                .bank_ports({dut.compute.accumulators.low_bank_1.rd_en,
                             dut.compute.accumulators.low_bank_1.rd_addr,
                             dut.compute.accumulators.low_bank_1.wr_en,
                             dut.compute.accumulators.low_bank_1.wr_addr,
                             dut.compute.accumulators.low_bank_0.rd_en,
                             dut.compute.accumulators.low_bank_0.rd_addr,
                             dut.compute.accumulators.low_bank_0.wr_en,
                             dut.compute.accumulators.low_bank_0.wr_addr}),
                .wgt_start(dut.wgt_start), .wgt_move(dut.wgt_move),
                .bias_shift(dut.bias_shift), .lane_load(dut.lane_load), .beat(dut.wgt_data),
                .swap_weights(dut.swap_weights), .shadows(shadows), .swap_bias(dut.swap_bias),
                .bias_shadow(dut.compute.accumulators.bias_shadow),
                .issue(dut.compute.issue), .advance(dut.compute.advance),
                .address(dut.compute.rd_addr), .outside(dut.compute.outside),
                .pixel(dut.compute.pixel), .bank(dut.compute.bank),
                .pass_first(dut.compute.pass_first), .group_first(dut.compute.group_first),
                .group_last(dut.compute.group_last), .ky(dut.compute.sequencer.ky),
                .kx(dut.compute.sequencer.kx), .in_group(dut.compute.sequencer.in_group),
                .group_open(dut.group_open), .bank_free(dut.bank_free), .mac(dut.mac),
                .outside_1(dut.compute.outside_1), .word(dut.compute.rd_data),
                .valid_2(dut.compute.valid_2), .act(dut.compute.array.act),
                .weight(dut.compute.array.weight), .valid_3(dut.compute.valid_3),
                .first_3(dut.compute.group_first_3), .bank_3(dut.compute.bank_3),
                .pixel_3(dut.compute.pixel_3), .dot(dut.compute.dot), .bias(bias), .old(old),
                .sum(sum), .group_done(dut.group_done), .done_bank(dut.done_bank),
                .begins(dut.drainer.beginning), .read(dut.drain_read), .step(dut.step),
                .read_bank(dut.drain_bank), .read_pixel(dut.drain_pixel),
                .window_first(dut.drainer.window_first), .window_last(dut.drainer.window_last),
                .clipped(dut.drainer.clipped), .last_read(dut.drainer.last_read),
                .read_post(dut.drainer.read_post), .read_pool(dut.drainer.bank_pool),
                .stage_post(dut.post_stage.read_post),
                .walk({{22'd0, dut.drainer.walk.width}, {22'd0, dut.drainer.walk.height},
                       {21'd0, dut.drainer.walk.out_width}, {21'd0, dut.drainer.walk.out_height},
                       {30'd0, dut.drainer.walk.size}, {31'd0, dut.drainer.walk.stride_2},
                       {31'd0, dut.drainer.walk.upsample}}),
                .word_valid(dut.word_valid), .word_bank(dut.compute.accumulators.drained_bank),
                .sums(dut.sums),
                .word_post(dut.post_stage.word_post), .half(dut.post_stage.half),
                .round_valid(dut.round_valid), .rounded(rounded),
                .round_post(dut.post_stage.round_post),
                .value_valid(dut.value_valid), .value_first(dut.value_first),
                .value_floor(dut.value_floor), .value_emit(dut.drainer.value_emit),
                .values(values), .highest(highest), .out_data(dut.out_data),
                .out_keep(dut.out_keep), .out_last(dut.drainer.out_last),
                .out_valid(dut.out_valid), .skid_ready(dut.skid_ready),
                .tdata(out_tdata), .tkeep(out_tkeep), .tlast(out_tlast), .tuser(out_tuser),
                .tmove(out_tvalid && out_tready)
            );
        end
    endgenerate

endmodule

`default_nettype wire
