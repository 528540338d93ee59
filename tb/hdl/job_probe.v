// Job probe: follows one output value through the PE, from its operands to the output.
//
// Contract    +probe_group, +probe_lane, +probe_pixel, +probe_first and +probe_last name the
//             value: output group since reset, lane, pixel of the tile, and its reads in the
//             order of the readout. Every event becomes a line of probe.txt in the working
//             folder: a tag, the cycle, figures in hexadecimal (tb/debug/probe/reader.py). Without
//             +probe_group nothing is written
// Latency     a line shows what stood on the wires before the clock edge of its cycle
//
// Groups, passes, reads and beats are counted here from handshakes. An X or a Z stands in
// the text as such.
`default_nettype none

module job_probe #(
    parameter integer P_IC       = 16,     // as in conv_pe
    parameter integer P_OC       = 16,
    parameter integer A_W        = 16,
    parameter integer W_W        = 16,
    parameter integer ACC_W      = 40,
    parameter integer DOT_W      = 36,     // bits of a dot product
    parameter integer MODE       = 0,
    parameter integer ADDR_W     = 13,
    parameter integer PIXEL_W    = 10,
    parameter integer BIAS_BEATS = 4       // weight beats that hold P_OC biases
) (
    input  wire                  clk,
    input  wire [63:0]           cycle,
    input  wire                  gave_up,      // the bench waits no longer
    input  wire [31:0]           state,        // see sim_top

    input  wire                  start,        // control
    input  wire                  run_start,
    input  wire [12*32-1:0]      settings,     // of the job in the array, see sim_top
    input  wire [21*32-1:0]      ports,        // where core and drain take them in
    input  wire                  sequencing,   // the array works on the job
    input  wire [14*32-1:0]      walked,       // ports of the sequencer, see sim_top
    input  wire [12*32-1:0]      walk_copies,  // what sequencer and drain made of theirs
    input  wire [2*32-1:0]       load_ports,   // of act_loader and of weight_loader
    input  wire [2*32-1:0]       load_copies,
    input  wire [2*32-1:0]       wgt_ports,
    input  wire [3*32-1:0]       wgt_copies,
    input  wire                  job_end,
    input  wire [7:0]            end_error,
    input  wire                  clear,

    input  wire                  act_start,    // streams
    input  wire                  act_move,
    input  wire                  wr_en,
    input  wire [ADDR_W-1:0]     wr_addr,
    input  wire [P_IC*A_W-1:0]   wr_data,
    input  wire                  wgt_start,
    input  wire                  wgt_move,
    input  wire                  bias_shift,
    input  wire [P_OC-1:0]       lane_load,
    input  wire [P_IC*W_W-1:0]   beat,
    input  wire                  swap_weights,
    input  wire [P_OC*P_IC*W_W-1:0] shadows,
    input  wire                  swap_bias,
    input  wire [P_OC*64-1:0]    bias_shadow,

    input  wire                  issue,        // stage 0
    input  wire                  advance,
    input  wire [ADDR_W-1:0]     address,
    input  wire                  outside,
    input  wire [PIXEL_W-1:0]    pixel,
    input  wire                  bank,
    input  wire                  pass_first,
    input  wire                  group_first,
    input  wire                  group_last,
    input  wire [3:0]            ky,
    input  wire [3:0]            kx,
    input  wire [11:0]           in_group,
    input  wire                  group_open,
    input  wire [1:0]            bank_free,
    input  wire [ADDR_W*2+1:0]   tile_ports,   // read and write: enable, address
    input  wire [PIXEL_W*4+3:0]  bank_ports,   // the same of both banks, bank 1 first
    input  wire                  mac,          // stage 1
    input  wire                  outside_1,
    input  wire [P_IC*A_W-1:0]   word,
    input  wire                  valid_2,      // stage 2
    input  wire [P_IC*32-1:0]    act,
    input  wire [P_IC*P_OC*32-1:0] weight,
    input  wire                  valid_3,      // stage 3
    input  wire                  first_3,
    input  wire                  bank_3,
    input  wire [PIXEL_W-1:0]    pixel_3,
    input  wire [P_OC*DOT_W-1:0] dot,
    input  wire [P_OC*ACC_W-1:0] bias,
    input  wire [P_OC*ACC_W-1:0] old,
    input  wire [P_OC*ACC_W-1:0] sum,
    input  wire                  group_done,
    input  wire                  done_bank,

    input  wire                  begins,       // drain
    input  wire                  read,
    input  wire                  step,
    input  wire                  read_bank,
    input  wire [PIXEL_W-1:0]    read_pixel,
    input  wire                  window_first,
    input  wire                  window_last,
    input  wire                  clipped,
    input  wire                  last_read,
    input  wire [15:0]           read_post,
    input  wire [15:0]           read_pool,
    input  wire [15:0]           stage_post,   // read_post where the output stage takes it in
    input  wire [7*32-1:0]       walk,         // what the readout goes by, see sim_top
    input  wire                  word_valid,
    input  wire                  word_bank,    // of the word that is chosen
    input  wire [P_OC*ACC_W-1:0] sums,
    input  wire [15:0]           word_post,
    input  wire [ACC_W-1:0]      half,
    input  wire                  round_valid,
    input  wire [P_OC*(ACC_W+4)-1:0] rounded,
    input  wire [15:0]           round_post,
    input  wire                  value_valid,
    input  wire                  value_first,
    input  wire                  value_floor,
    input  wire                  value_emit,
    input  wire [P_OC*A_W-1:0]   values,
    input  wire [P_OC*A_W-1:0]   highest,
    input  wire [P_OC*A_W-1:0]   out_data,
    input  wire [P_OC-1:0]       out_keep,
    input  wire                  out_last,
    input  wire                  out_valid,
    input  wire                  skid_ready,
    input  wire [P_OC*A_W-1:0]   tdata,
    input  wire [P_OC*A_W/8-1:0] tkeep,
    input  wire                  tlast,
    input  wire                  tuser,
    input  wire                  tmove
);

    localparam integer WGT_W  = P_IC * W_W;
    localparam integer WIDE_W = ACC_W + 4;

    integer      file;
    reg [31:0]   group, lane, place, first_read, last_followed;

    // Counts since reset, and of the group at hand.
    reg [31:0]   acts, wgts, biases, loads, swaps, issued, added;
    reg [31:0]   opened, finished, drained, reads, made, entered, left;
    reg [31:0]   group_loads, group_passes, position, group_reads;
    reg [31:0]   bank_group_0, bank_group_1;

    // The group, the pass and the read that stand in each stage.
    reg          at_1, at_2, at_3, read_1, read_2, read_3, read_4;
    reg [31:0]   group_1, group_2, group_3, pass_1, pass_2, pass_3;
    reg [31:0]   index_1, index_2, index_3, index_4;
    reg          bank_held, cleared, reported;
    reg          load_begun, wgt_begun, run_begun;
    reg [33*32-1:0] job_reported;
    reg [14*32-1:0] walked_reported;
    reg [31:0]   passes_reported;
    reg          in_1, in_2, in_3;
    reg [ACC_W-1:0] sum_2, sum_3;
    reg [WIDE_W-1:0] rounded_3;
    reg [31:0]   turn_1, turn_2, turn_3;
    reg [PIXEL_W-1:0] number_1, number_2, number_3;
    reg [7*32-1:0] walk_reported;
    reg          gathered;
    reg [2*PIXEL_W+1:0] bank_held_ports, bank_read_ports;
    reg [4:0]    unknown_reported;
    reg [P_IC*32-1:0] lane_weights;

    wire [31:0] wgt_group  = biases / BIAS_BEATS - 32'd1;
    wire [31:0] group_0    = group_open ? opened : opened - 32'd1;
    wire [31:0] pass_0     = group_open ? 32'd0 : pass_first ? group_passes : group_passes - 32'd1;
    wire [31:0] position_0 = pass_first ? 32'd0 : position;
    wire        at_0       = issue && advance && group_0 == group && position_0 == place;
    wire        reads_it   = read && drained == group
                             && group_reads >= first_read && group_reads <= last_followed;

    // Ports of a bank's memory: read enable, read address, write enable, write address.
    function automatic [2*PIXEL_W+1:0] bank_of(input which);
        bank_of = which ? bank_ports[2*PIXEL_W+2 +: 2*PIXEL_W+2] : bank_ports[0 +: 2*PIXEL_W+2];
    endfunction

    function automatic near(input [31:0] number);
        near = number + 32'd1 >= group && number <= group + 32'd1;
    endfunction

    initial begin
        file = 0;
        if ($value$plusargs("probe_group=%d", group)) begin
            if (!$value$plusargs("probe_lane=%d", lane)) lane = 32'd0;
            if (!$value$plusargs("probe_pixel=%d", place)) place = 32'd0;
            if (!$value$plusargs("probe_first=%d", first_read)) first_read = place;
            if (!$value$plusargs("probe_last=%d", last_followed)) last_followed = first_read;
            file = $fopen("probe.txt", "w");
            if (file == 0)
                $display("job_probe: cannot write probe.txt in the working folder");
            else
                $fdisplay(file, "build 0 %h %h %h %h %h %h %h", P_IC, P_OC, A_W, W_W, ACC_W,
                          DOT_W, MODE);
        end
        {acts, wgts, biases, loads, swaps, issued, added} = {7{32'd0}};
        {opened, finished, drained, reads, made, entered, left} = {7{32'd0}};
        {group_loads, group_passes, position, group_reads} = {4{32'd0}};
        {at_1, at_2, at_3, read_1, read_2, read_3, read_4} = 7'd0;
        {bank_held, cleared, reported, gathered, unknown_reported} = 8'd0;
        {load_begun, wgt_begun, run_begun, in_1, in_2, in_3} = 6'd0;
        passes_reported = 32'd0;
    end

    task counts(input [8*8-1:0] tag, input [7:0] code);
        begin
            $fdisplay(file, "%0s %0d %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h", tag, cycle,
                      code, acts, wgts, biases, loads, swaps, issued, added, opened, finished,
                      drained, reads, made, entered, left, state);
            $fflush(file);
        end
    endtask

    // What a module is given with a job, and in the cycle behind it what it keeps of that; then
    // what changes while the job is in the array.
    task report_copies;
        begin
            if (act_start) $fdisplay(file, "given %0d %h %h", cycle, 3'd0, load_ports);
            if (load_begun) $fdisplay(file, "kept %0d %h %h", cycle, 3'd0, load_copies);
            if (wgt_start) $fdisplay(file, "given %0d %h %h", cycle, 3'd1, wgt_ports);
            if (wgt_begun || (wgt_copies[64 +: 32] !== passes_reported && !wgt_start))
                $fdisplay(file, "kept %0d %h %h", cycle, 3'd1, wgt_copies);
            if (run_start || (sequencing && walked !== walked_reported))
                $fdisplay(file, "given %0d %h %h", cycle, 3'd2, walked);
            if (run_begun) $fdisplay(file, "kept %0d %h %h", cycle, 3'd2, walk_copies);
            if (sequencing && !run_start && {settings, ports} !== job_reported)
                $fdisplay(file, "during %0d %h %h", cycle, settings, ports);
            load_begun = act_start;
            wgt_begun  = wgt_start;
            run_begun  = run_start;
            passes_reported = wgt_copies[64 +: 32];
            walked_reported = walked;
            job_reported    = {settings, ports};
        end
    endtask

    task report_streams;
        begin
            if (start) counts("start", 8'd0);
            if (act_start) counts("fetch", 8'd0);
            if (wgt_start) counts("stream", 8'd0);
            if (run_start) begin
                counts("run", 8'd0);
                $fdisplay(file, "job %0d %h %h", cycle, settings, ports);
            end
            if (clear && !cleared) counts("clear", 8'd0);
            if (wr_en) $fdisplay(file, "write %0d %h %h", cycle, wr_addr, wr_data);
            if (bias_shift && near(biases / BIAS_BEATS))
                $fdisplay(file, "bias %0d %h %h %h", cycle, biases / BIAS_BEATS,
                          biases % BIAS_BEATS, beat);
            if (lane_load[lane] && near(wgt_group))
                $fdisplay(file, "load %0d %h %h %h", cycle, wgt_group, group_loads, beat);
            if (swap_weights && near(group_1))
                $fdisplay(file, "swap %0d %h %h %h", cycle, group_1, pass_1,
                          shadows[lane*WGT_W +: WGT_W]);
            if (swap_bias && near(group_2))
                $fdisplay(file, "take %0d %h %h", cycle, group_2, bias_shadow[lane*64 +: 64]);
        end
    endtask

    integer i;
    task report_compute;
        begin
            if (group_open)
                $fdisplay(file, "open %0d %h %h %h %h", cycle, opened, bank, bank_free, swaps);
            if (at_0)
                $fdisplay(file, "issue %0d %h %h %h %h %h %h %h %h %h %h %h %h %h %h", cycle,
                          pass_0, address, outside, pixel, bank, in_group, ky, kx, group_first,
                          group_last, tile_ports[2*ADDR_W+1], tile_ports[ADDR_W+1 +: ADDR_W],
                          tile_ports[ADDR_W], tile_ports[0 +: ADDR_W]);
            if (at_1 && mac)
                $fdisplay(file, "word %0d %h %h %h", cycle, pass_1, outside_1, word);
            if (at_2 && valid_2) begin
                for (i = 0; i < P_IC; i = i + 1)
                    lane_weights[i*32 +: 32] = weight[(i*P_OC + lane)*32 +: 32];
                bank_held_ports = bank_of(bank_held);
                $fdisplay(file, "operands %0d %h %h %h %h %h %h %h", cycle, pass_2, act,
                          lane_weights, bank_held_ports[2*PIXEL_W+1],
                          bank_held_ports[PIXEL_W+1 +: PIXEL_W], bank_held_ports[PIXEL_W],
                          bank_held_ports[0 +: PIXEL_W]);
            end
            if (at_3 && valid_3)
                $fdisplay(file, "add %0d %h %h %h %h %h %h %h %h", cycle, pass_3, first_3, bank_3,
                          pixel_3, dot[lane*DOT_W +: DOT_W], bias[lane*ACC_W +: ACC_W],
                          old[lane*ACC_W +: ACC_W], sum[lane*ACC_W +: ACC_W]);
            else if (valid_3 && bank_3 == bank_held && {{(32-PIXEL_W){1'b0}}, pixel_3} == place
                     && opened > group && drained <= group)
                $fdisplay(file, "other %0d %h %h %h %h %h", cycle, group_3, pass_3,
                          sum[lane*ACC_W +: ACC_W], turn_3, number_3);
            if (group_done)
                $fdisplay(file, "done %0d %h %h %h", cycle, finished, done_bank, added + 32'd1);
        end
    endtask

    task report_drain;
        begin
            if (begins)
                $fdisplay(file, "begin %0d %h %h %h", cycle, drained, read_bank,
                          read_bank ? bank_group_1 : bank_group_0);
            if (drained == group && (begins || (read && walk !== walk_reported)))
                $fdisplay(file, "walk %0d %h %h", cycle, drained, walk);
            if (reads_it) begin
                bank_read_ports = bank_of(read_bank);
                $fdisplay(file, "read %0d %h %h %h %h %h %h %h %h %h %h %h %h %h %h", cycle,
                          group_reads, read_bank, read_pixel, window_first, window_last, clipped,
                          last_read, read_post, read_pool, stage_post,
                          bank_read_ports[2*PIXEL_W+1], bank_read_ports[PIXEL_W+1 +: PIXEL_W],
                          bank_read_ports[PIXEL_W], bank_read_ports[0 +: PIXEL_W]);
            end
            if (read && last_read)
                $fdisplay(file, "drained %0d %h %h", cycle, drained, group_reads + 32'd1);
            if (step && read_1)
                $fdisplay(file, "sums %0d %h %h %h %h %h", cycle, index_1,
                          sums[lane*ACC_W +: ACC_W], half, word_post, word_bank);
            if (step && read_2)
                $fdisplay(file, "round %0d %h %h %h", cycle, index_2,
                          rounded[lane*WIDE_W +: WIDE_W], round_post);
            if (step && read_3)
                $fdisplay(file, "value %0d %h %h %h %h %h", cycle, index_3,
                          values[lane*A_W +: A_W], value_first, value_floor, value_emit);
            if (step && in_3)
                $fdisplay(file, "sample %0d %h %h %h", cycle, sum_3, rounded_3,
                          values[lane*A_W +: A_W]);
            if (step && read_4)
                $fdisplay(file, "highest %0d %h %h %h %h %h %h %h", cycle, index_4,
                          highest, out_data[lane*A_W +: A_W], out_valid,
                          out_keep[lane], out_last, entered);
            if (tmove && drained + 32'd2 >= group && drained <= group + 32'd2)
                $fdisplay(file, "beat %0d %h %h %h %h %h", cycle, left, tdata[lane*A_W +: A_W],
                          tkeep, tlast, tuser);
        end
    endtask

    // The first X or Z behind the accumulator, of any lane, stage by stage.
    task report_unknown(input integer stage, input found);
        if (found && !unknown_reported[stage]) begin
            unknown_reported[stage] = 1'b1;
            $fdisplay(file, "unknown %0d %h", cycle, stage);
        end
    endtask

    task report_unknowns;
        begin
            report_unknown(0, step && word_valid && (^sums) === 1'bx);
            report_unknown(1, step && round_valid && (^rounded) === 1'bx);
            report_unknown(2, step && value_valid && (^values) === 1'bx);
            report_unknown(3, step && gathered && (^highest) === 1'bx);
            report_unknown(4, out_valid && (^out_data) === 1'bx);
        end
    endtask

    task count;
        begin
            // Compute: stage by stage from the back, each takes over from the one before.
            if (valid_3) added = added + 32'd1;
            if (group_done) finished = finished + 32'd1;
            at_3    = at_2 && valid_2;
            group_3 = group_2;
            pass_3  = pass_2;
            {turn_3, number_3} = {turn_2, number_2};
            at_2    = at_1 && mac;
            group_2 = group_1;
            pass_2  = pass_1;
            {turn_2, number_2} = {turn_1, number_1};
            if (swap_weights) swaps = swaps + 32'd1;
            if (advance) begin
                at_1    = at_0;
                group_1 = group_0;
                pass_1  = pass_0;
                {turn_1, number_1} = {position_0, pixel};
            end
            if (at_0) bank_held = bank;
            if (issue && advance) begin
                issued       = issued + 32'd1;
                position     = position_0 + 32'd1;
                group_passes = pass_0 + 32'd1;
            end
            if (group_open) begin
                if (bank) bank_group_1 = opened;
                else      bank_group_0 = opened;
                opened = opened + 32'd1;
            end
            // Drain.
            if (out_valid && skid_ready) entered = entered + 32'd1;
            if (step) begin
                if (value_valid) made = made + 32'd1;
                gathered = value_valid;
                {read_4, read_3, read_2} = {read_3, read_2, read_1};
                index_4 = index_3;
                index_3 = index_2;
                index_2 = index_1;
                {in_3, in_2, in_1} = {in_2, in_1, read && drained == group};
                sum_3     = sum_2;
                sum_2     = sums[lane*ACC_W +: ACC_W];
                rounded_3 = rounded[lane*WIDE_W +: WIDE_W];
                read_1  = reads_it;
                index_1 = group_reads;
            end
            if (begins || read) walk_reported = walk;
            if (read) begin
                reads       = reads + 32'd1;
                group_reads = last_read ? 32'd0 : group_reads + 32'd1;
                if (last_read) drained = drained + 32'd1;
            end
            if (tmove) left = left + 32'd1;
            // Streams.
            if (act_move) acts = acts + 32'd1;
            if (wgt_move) wgts = wgts + 32'd1;
            if (lane_load[lane]) group_loads = group_loads + 32'd1;
            if (lane_load != {P_OC{1'b0}}) loads = loads + 32'd1;
            if (bias_shift) begin
                biases      = biases + 32'd1;
                group_loads = 32'd0;
            end
        end
    endtask

    always @(posedge clk)
        if (file != 0) begin
            report_streams;
            report_copies;
            report_compute;
            report_drain;
            report_unknowns;
            count;
            if (job_end) counts("end", end_error);
            if (gave_up && !reported) counts("gave_up", 8'd0);
            reported    = gave_up;
            cleared = clear;
            if (clear) begin
                {at_1, at_2, at_3, read_1, read_2, read_3, read_4, gathered} = 8'd0;
                {in_1, in_2, in_3} = 3'd0;
                {drained, group_reads} = {opened, 32'd0};
            end
        end

endmodule

`default_nettype wire
