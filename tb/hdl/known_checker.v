// Known-value checker: no control signal inside the PE is X or Z after reset.
//
// Contract    at the first X or Z, broken rises for good and one sentence goes to
//             the log and to checker.txt in the working folder
//
// A two-state simulator knows no X: this is a check for a four-state one.
`default_nettype none

module known_checker #(
    parameter integer WIDTH = 8
) (
    input  wire             clk,
    input  wire             rst,

    input  wire [WIDTH-1:0] signals,       // see sim_top for their order
    output reg              broken
);

    integer log;

    initial broken = 1'b0;

    always @(posedge clk) begin
        if (!rst && !broken && (^signals) === 1'bx) begin
            broken <= 1'b1;
            log = $fopen("checker.txt", "w");
            $display("rule broken in conv_pe at %0t ps: control is known: %b", $time, signals);
            $fdisplay(log, "rule broken in conv_pe at %0t ps: control is known: %b", $time,
                      signals);
            $fclose(log);
        end
    end

endmodule

`default_nettype wire
