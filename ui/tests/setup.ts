// The logic that is tested here runs without a page; all that it touches of one is the language.
import { vi } from 'vitest';

vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } });
