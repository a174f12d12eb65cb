export { CODE_MS, LocalTicketDesk } from './ticket-desk.ts';
export type { LocalTicketDeskOptions, TicketDesk, TicketUse } from './ticket-desk.ts';
