// Stream player: plays files of beats into an AXI4-Stream, one after another.
//
// Contract    each change of go orders job_<job>.<KIND> from the working folder, beats
//             beats long, TLAST on the last one; while one file plays, one more may
//             wait; data holds until it is taken
// Throughput  one beat a cycle when stall is 0
//
// A beat in the file has its top byte first ($fread is big-endian); beats are read
// in chunks, since a call costs more than a beat. With stall above 0, a beat is held
// back with probability stall / 256. Two faults for the bench's own tests: the beat
// numbered drop is read and lost, and from the beat numbered hold on nothing comes
// any more (all ones: never).
`default_nettype none

module stream_player #(
    parameter integer BEAT_W = 256,        // bits of a beat
    parameter [23:0]  KIND   = "act",      // file ending
    parameter [31:0]  SEED   = 32'd1       // of the stall generator
) (
    input  wire              clk,
    input  wire              rst,

    input  wire              go,
    input  wire [31:0]       job,
    input  wire [31:0]       beats,
    input  wire [31:0]       drop,
    input  wire [31:0]       hold,
    input  wire [7:0]        stall,

    output reg  [BEAT_W-1:0] tdata,
    output reg               tvalid,
    input  wire              tready,
    output reg               tlast,
    output reg  [31:0]       length        // beats of the file that plays or played last
);

    localparam integer CHUNK = 64;

    integer          file;
    integer          bytes;
    integer          index;                // of the next beat in the chunk
    integer          held;                 // beats in the chunk
    reg [8*16-1:0]   name;
    reg              go_seen;
    reg              waiting;              // an order stands behind the one that plays
    reg [31:0]       next_job, next_beats, next_drop, next_hold;
    reg [31:0]       dropped, dry_after;   // drop and hold of the file that plays
    reg [31:0]       left;
    reg [31:0]       played;
    reg [31:0]       noise;
    reg [BEAT_W-1:0] chunk [0:CHUNK-1];

    initial begin
        file    = 0;
        go_seen = 1'b0;
        waiting = 1'b0;
        left    = 32'd0;
        length  = 32'd0;
        noise   = SEED;
    end

    task open(input [31:0] number, input [31:0] count);
        begin
            if (file != 0)
                $fclose(file);
            $sformat(name, "job_%05d.%s", number, KIND);
            file = $fopen(name, "rb");
            if (file == 0)
                $display("stream_player: cannot open %0s in the working folder", name);
            length <= count;
            left   = count;
            played = 32'd0;
            index  = 0;
            held   = 0;
            noise  = {count[15:0], SEED[15:0]};
        end
    endtask

    always @(posedge clk) begin
        noise = {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        if (rst) begin
            left    = 32'd0;
            waiting = 1'b0;
            go_seen = go;
            tvalid <= 1'b0;
            tlast  <= 1'b0;
        end else begin
            if (go != go_seen) begin
                go_seen    = go;
                waiting    = 1'b1;
                next_job   = job;
                next_beats = beats;
                next_drop  = drop;
                next_hold  = hold;
            end
            if (!tvalid || tready) begin
                tvalid <= 1'b0;
                tlast  <= 1'b0;
                if (left == 32'd0 && waiting) begin
                    waiting   = 1'b0;
                    dropped   = next_drop;
                    dry_after = next_hold;
                    open(next_job, next_beats);
                end
                if (left != 32'd0 && played < dry_after
                    && (stall == 8'd0 || noise[7:0] >= stall)) begin
                    if (index == held) begin
                        bytes = file == 0 ? 0 : $fread(chunk, file);
                        held  = bytes / (BEAT_W / 8);
                        index = 0;
                    end
                    if (held == 0) begin
                        $display("stream_player: %0s ends %0d beats early", name, left);
                        left = 32'd0;
                    end else begin
                        tdata  <= chunk[index];
                        tvalid <= played != dropped;
                        tlast  <= left == 32'd1;
                        left   = left - 32'd1;
                        played = played + 32'd1;
                        index  = index + 1;
                    end
                end
            end
        end
    end

endmodule

`default_nettype wire
