// Stream recorder: writes every accepted beat of an AXI4-Stream to a file a job.
//
// Contract    each change of go orders job_<job>.<KIND> in the working folder for the
//             job behind those already ordered (at most four); TLAST ends a job's file.
//             One record a beat, in 32-bit words, the lowest first: data, keep,
//             {user, last}, cycle (two words). With wanted low at go, a job is followed
//             but not written; skip ends a job that will send no TLAST
// Throughput  one beat a cycle when stall is 0
//
// A beat with an X or a Z in it is counted and its cycle kept: $fwrite would
// write it as 0. With stall above 0, ready is low with probability stall / 256.
`default_nettype none

module stream_recorder #(
    parameter integer DATA_W = 256,        // bits of a beat
    parameter [23:0]  KIND   = "out",      // file ending
    parameter [31:0]  SEED   = 32'd3       // of the stall generator
) (
    input  wire                clk,
    input  wire                rst,

    input  wire                go,
    input  wire [31:0]         job,
    input  wire [31:0]         length,     // beats expected of it
    input  wire                wanted,
    input  wire                skip,       // one cycle
    input  wire [7:0]          stall,
    input  wire [63:0]         cycle,

    input  wire [DATA_W-1:0]   tdata,
    input  wire [DATA_W/8-1:0] tkeep,
    input  wire                tvalid,
    output reg                 tready,
    input  wire                tlast,
    input  wire                tuser,

    output reg  [31:0]         ended,      // jobs whose files are whole, since rst
    output reg  [31:0]         beats,      // of the job that is being written or was last
    output reg  [31:0]         expected,   // likewise
    output reg  [31:0]         unknown,    // beats with an X or a Z, since rst
    output reg  [63:0]         unknown_cycle
);

    localparam integer DATA_WORDS = (DATA_W + 31) / 32;
    localparam integer KEEP_WORDS = (DATA_W / 8 + 31) / 32;
    localparam integer RECORD_W   = (DATA_WORDS + KEEP_WORDS + 3) * 32;

    integer        file;
    reg [8*16-1:0] name;
    reg            go_seen;
    reg [31:0]     noise;
    reg            open;                   // file belongs to the job that is followed
    reg            writes;
    reg [1:0]      first, last;            // of the orders
    reg [2:0]      orders;
    reg [31:0]     ordered_job [0:3];
    reg [31:0]     ordered_length [0:3];
    reg            ordered_wanted [0:3];

    reg [RECORD_W-1:0] record;

    initial begin
        file    = 0;
        go_seen = 1'b0;
        noise   = SEED;
        open    = 1'b0;
        writes  = 1'b0;
        orders  = 3'd0;
        first   = 2'd0;
        last    = 2'd0;
        ended   = 32'd0;
        beats   = 32'd0;
        unknown = 32'd0;
    end

    task begin_job;
        begin
            open   = 1'b1;
            writes = ordered_wanted[first];
            beats  = 32'd0;
            expected <= ordered_length[first];
            if (writes) begin
                $sformat(name, "job_%05d.%s", ordered_job[first], KIND);
                file = $fopen(name, "wb");
                if (file == 0)
                    $display("stream_recorder: cannot write %0s in the working folder", name);
            end
            first  = first + 2'd1;
            orders = orders - 3'd1;
        end
    endtask

    task end_job;
        begin
            if (file != 0)
                $fclose(file);
            file   = 0;
            open   = 1'b0;
            writes = 1'b0;
            ended  <= ended + 32'd1;
        end
    endtask

    always @(posedge clk) begin
        if (stall != 8'd0)
            noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        tready <= !rst && (stall == 8'd0 || noise[7:0] >= stall);
        if (rst) begin
            if (file != 0)
                $fclose(file);
            file    = 0;
            open    = 1'b0;
            writes  = 1'b0;
            orders  = 3'd0;
            first   = 2'd0;
            last    = 2'd0;
            go_seen = go;
            ended    <= 32'd0;
            expected <= 32'd0;
            beats   = 32'd0;
            unknown <= 32'd0;
        end else begin
            if (go != go_seen) begin
                go_seen              = go;
                ordered_job[last]    = job;
                ordered_length[last] = length;
                ordered_wanted[last] = wanted;
                last                 = last + 2'd1;
                orders               = orders + 3'd1;
            end
            if (tvalid && tready) begin
                beats = beats + 32'd1;
                if (writes) begin
                    record = {cycle, 30'd0, tuser, tlast,
                              {(KEEP_WORDS*32-DATA_W/8){1'b0}}, tkeep,
                              {(DATA_WORDS*32-DATA_W){1'b0}}, tdata};
                    if (file != 0)
                        $fwrite(file, "%u", record);
                    if ((^record) === 1'bx) begin
                        unknown <= unknown + 32'd1;
                        if (unknown == 32'd0)
                            unknown_cycle <= cycle;
                    end
                end
                if (tlast)
                    end_job;
            end else if (skip && open)
                end_job;
            if (!open && orders != 3'd0)
                begin_job;
        end
    end

endmodule

`default_nettype wire
